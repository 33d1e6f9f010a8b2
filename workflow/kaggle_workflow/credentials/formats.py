"""Known formats of credentials: those of detect-secrets (Yelp), and those of the services that competitors use."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

# Part of the key of every cache of results: raise it when a change below finds more or less than before.
VERSION = 4

# The plugins of detect-secrets 1.5 whose formats stand for themselves, each with a text without which it can't match
# ("" for none): several patterns begin in ways that take Python 100 ms for a megabyte.
_PLUGINS = (
    ("azure_storage_key", "AzureStorageKeyDetector", "accountkey"),
    ("cloudant", "CloudantDetector", "cloudant"),
    ("discord", "DiscordBotTokenDetector", "discord"),
    ("gitlab_token", "GitLabTokenDetector", "gl"),
    ("ibm_cloud_iam", "IbmCloudIamDetector", "ibm"),
    ("ibm_cos_hmac", "IbmCosHmacDetector", "ibm"),
    ("jwt", "JwtTokenDetector", "eyj"),
    ("mailchimp", "MailchimpDetector", "-us"),
    ("npm", "NpmDetector", "_authtoken"),
    ("openai", "OpenAIDetector", "sk-"),
    ("slack", "SlackDetector", "slack"),
    ("slack", "SlackDetector", "xox"),
    ("softlayer", "SoftlayerDetector", "softlayer"),
    ("square_oauth", "SquareOAuthDetector", "sq0csp"),
    ("telegram_token", "TelegramBotTokenDetector", "telegram"),
    ("twilio", "TwilioKeyDetector", "twilio"),
)
# In the context of a text. The first group is the secret, if there is one.
_OWN = (
    (
        "Kaggle API key",
        r"(?i)username[\\\"']+\s*[:=]\s*[\\\"']+[^\\\"'\n]+[\\\"']+\s*,\s*[\\\"']*key[\\\"']*\s*[:=]\s*[\\\"']+([0-9a-f]{20,})",
        "username",
    ),
    (
        "Kaggle API key",
        r"(?i)key[\\\"']+\s*[:=]\s*[\\\"']+([0-9a-f]{20,})[\\\"']+\s*,\s*[\\\"']+username[\\\"']+\s*[:=]",
        "username",
    ),
    ("Kaggle API key", r"(?i)\bkaggle_key\W{1,8}([0-9a-f]{32})\b", "kaggle_key"),
    (
        "AWS secret key",
        r"(?i)aws.{0,20}?(?:key|pwd|pw|password|pass|token).{0,20}?['\"]([0-9a-zA-Z/+]{40})['\"]",
        "aws",
    ),
    ("login token", r"\"(?:refresh|access)_token\"\s*:\s*\"([^\"\s]{20,})\"", "_token"),
    (
        "Weights & Biases key",
        r"(?i)(?:wandb_api_key|wandb\.login)\W{1,12}(?:key\W{1,5})?([0-9a-f]{40})\b",
        "wandb",
    ),
    ("private key", r"(?m)^PuTTY-User-Key-File-\d: ", "putty-user"),
    ("password of a .netrc", r"(?m)^[ \t]*machine\s+\S+\s+login\s+\S+\s+password\s+(\S+)", "machine"),
)
# Tokens with a beginning of their own, found in text and in binary files. In "a|b", one of the texts is required.
_TOKENS = (
    ("Kaggle API token", "KG", r"KG[A-Z]{2}_[0-9A-Za-z]{24,}"),
    ("Hugging Face token", "hf_", r"hf_[A-Za-z0-9]{30,}"),
    ("Weights & Biases key", "wandb_v", r"wandb_v\d_[A-Za-z0-9_]{40,}"),
    ("Anthropic key", "sk-ant-", r"sk-ant-[A-Za-z0-9_-]{24,}"),
    (
        "OpenAI key",
        "sk-proj|sk-svc|sk-adm",
        r"sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{40,}",
    ),
    ("Google API key", "AIza", r"AIza[0-9A-Za-z_-]{35}"),
    ("Google access token", "ya29.", r"ya29\.[0-9A-Za-z_-]{24,}"),
    ("GitHub token", "ghp_|gho_|ghu_|ghs_|ghr_", r"gh[oprsu]_[A-Za-z0-9]{36}"),
    ("GitHub token", "github_pat_", r"github_pat_[0-9A-Za-z_]{60,}"),
    ("GitLab token", "glpat-", r"glpat-[A-Za-z0-9_-]{20,50}"),
    ("AWS access key", "AKIA|ASIA", r"A[KS]IA[0-9A-Z]{16}(?![0-9A-Za-z+/])"),
    ("Slack token", "xox", r"xox[abopsr]-(?:\d+-)+[A-Za-z0-9]+"),
    ("Databricks token", "dapi", r"dapi[0-9a-f]{32}(?![0-9A-Za-z])"),
    ("DigitalOcean token", "_v1_", r"do[opr]_v1_[0-9a-f]{64}"),
    ("SendGrid key", "SG.", r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    ("Stripe key", "k_live_", r"[rs]k_live_[0-9A-Za-z]{24,}"),
    ("PyPI token", "pypi-AgE", r"pypi-AgE[A-Za-z0-9_-]{70,}"),
    ("npm token", "npm_", r"npm_[A-Za-z0-9]{36}"),
    (
        "private key",
        "PRIVATE KEY-----|PRIVATE KEY BLOCK-----",
        r"PRIVATE KEY(?: BLOCK)?-----(?:\s|\\[rn]|[\"']|[A-Za-z-]+: [^\r\n]{1,200}\r?\n)+[A-Za-z0-9+/]{40}",
    ),
)
_LOGIN = re.compile(
    r"://(?P<user>[^\s:/@'\"<>{}$%]*):(?P<password>(?!\d{1,5},)[^\s/@'\"<>{}$]+)@(?P<host>\[?[A-Za-z0-9_.:-]+)"
)
_LOCAL = re.compile(r"(?i)localhost\b|127\.|0\.0\.0\.0|\[?::1")
_LONGEST_LOCAL = 10
# What stands in an example where a credential would stand.
_PLACEHOLDER = re.compile(r"(?i)x{6}|\*{3}|\.{3}|example|your[_-]|[<>{}$]|0{8}|1234567")
_PLACEHOLDER_WORDS = frozenset(
    ("password", "passwd", "pass", "pwd", "pw", "token", "secret", "key", "api_key", "changeme", "passw0rd")
)


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        name: for messages.
        pattern: finds candidates in a block of text.
        needs: texts in lower case of which one is required for a match (a search for them is quick).
        secrets: returns the secrets of a candidate, given its text and match.
    """

    name: str
    pattern: re.Pattern[str]
    needs: tuple[str, ...]
    secrets: Callable[[str, re.Match[str]], Iterator[str]]


@lru_cache(maxsize=1)
def _in_text() -> tuple[Format, ...]:
    """Formats that only text can hold. The first call imports detect-secrets, which takes 0.4 s."""
    own = [Format(name, re.compile(pattern), (needs,), _group) for name, pattern, needs in _OWN]
    theirs = [
        Format(plugin.secret_type, re.compile(p.pattern, p.flags | re.MULTILINE), (needs,), _asking(plugin))
        for module, name, needs in _PLUGINS
        for plugin in [getattr(importlib.import_module(f"detect_secrets.plugins.{module}"), name)()]
        for p in plugin.denylist
    ]
    tokens = [
        Format(one.name, re.compile(rf"(?<![0-9A-Za-z]){one.pattern.pattern}"), one.needs, _group)
        for one in _anywhere()
    ]
    return (*tokens, *own, Format("login in an address", _LOGIN, ("://",), _password), *theirs)


@lru_cache(maxsize=1)
def _anywhere() -> tuple[Format, ...]:
    """Formats that are found in any bytes."""
    return tuple(
        Format(name, re.compile(shape), tuple(needs.lower().split("|")), _group)
        for name, needs, shape in _TOKENS
    )


def find(text: str, *, binary: bool = False) -> Iterator[tuple[int, str, str]]:
    """Find credentials in a text, or in the latin-1 of a `binary` file: position, name and secret of each."""
    lower = text.lower()
    for one in _anywhere() if binary else _in_text():
        if not any(word in lower for word in one.needs):
            continue
        for match in one.pattern.finditer(text):
            for secret in one.secrets(text, match):
                if not is_placeholder(secret):
                    yield match.start(), one.name, secret


def is_placeholder(secret: str) -> bool:
    """Return whether a text only stands for a credential, as in an example."""
    return secret.lower() in _PLACEHOLDER_WORDS or bool(_PLACEHOLDER.search(secret))


def masked(secret: str) -> str:
    """Return what may be shown of a secret: its first letters and its length."""
    shown = secret[:4] if len(secret) >= 20 else ""  # noqa: PLR2004 - four of twenty characters give nothing away
    return f"{shown}…, {len(secret)} characters"


def _group(text: str, match: re.Match[str]) -> Iterator[str]:
    del text
    yield match[1] if match.re.groups else match[0]


def _password(text: str, match: re.Match[str]) -> Iterator[str]:
    """Yield the password of an address, but for those of every manual: the user's own name, a short word for this machine."""
    del text
    password = match["password"]
    local = _LOCAL.match(match["host"]) and len(password) <= _LONGEST_LOCAL
    if password.lower() != match["user"].lower() and not local:
        yield password


def _asking(plugin: Any) -> Callable[[str, re.Match[str]], Iterator[str]]:
    def secrets(text: str, match: re.Match[str]) -> Iterator[str]:
        start, end = text.rfind("\n", 0, match.start()) + 1, text.find("\n", match.start())
        line = text[
            max(start, match.start() - 2000) : min(end if end >= 0 else len(text), match.start() + 4000)
        ]
        yield from plugin.analyze_string(line)

    return secrets
