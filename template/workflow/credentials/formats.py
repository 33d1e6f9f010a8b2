"""What credentials look like: the known formats of detect-secrets (Yelp), and those of the services that competitors use.

A known format stops a command. A string that merely looks random warns.
"""

from __future__ import annotations

import importlib
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

# Written into every cache of results: to be raised whenever something below finds more or less than before.
VERSION = 1

# The plugins of detect-secrets 1.5 whose formats stand for themselves, each with a text without which it can't match
# ("" for none): several patterns begin in ways that take Python 100 ms for a megabyte.
_PLUGINS = (
    ("aws", "AWSKeyDetector", ""),
    ("azure_storage_key", "AzureStorageKeyDetector", "accountkey"),
    ("basic_auth", "BasicAuthDetector", "://"),
    ("cloudant", "CloudantDetector", "cloudant"),
    ("discord", "DiscordBotTokenDetector", "discord"),
    ("github_token", "GitHubTokenDetector", ""),
    ("gitlab_token", "GitLabTokenDetector", ""),
    ("ibm_cloud_iam", "IbmCloudIamDetector", "ibm"),
    ("ibm_cos_hmac", "IbmCosHmacDetector", "ibm"),
    ("jwt", "JwtTokenDetector", "eyj"),
    ("mailchimp", "MailchimpDetector", "-us"),
    ("npm", "NpmDetector", "_authtoken"),
    ("openai", "OpenAIDetector", "sk-"),
    ("private_key", "PrivateKeyDetector", ""),
    ("pypi_token", "PypiTokenDetector", "pypi-"),
    ("sendgrid", "SendGridDetector", "sg."),
    ("slack", "SlackDetector", "slack"),
    ("slack", "SlackDetector", "xox"),
    ("softlayer", "SoftlayerDetector", "softlayer"),
    ("square_oauth", "SquareOAuthDetector", "sq0csp"),
    ("stripe", "StripeDetector", "k_live_"),
    ("telegram_token", "TelegramBotTokenDetector", "telegram"),
    ("twilio", "TwilioKeyDetector", "twilio"),
)
# Where a pattern has a group, the group is the secret. Shapes as users' published notebooks and the services' pages show them.
_OWN = (
    ("Kaggle API token", r"\bKG[A-Z]{2}_[0-9A-Za-z]{24,}\b", "kg"),
    (
        "Kaggle API key",
        r"(?i)\"username\"\s*:\s*\"[^\"\n]+\"\s*,\s*\"key\"\s*:\s*\"([0-9a-f]{20,})\"",
        '"key"',
    ),
    (
        "Kaggle API key",
        r"(?i)\"key\"\s*:\s*\"([0-9a-f]{20,})\"\s*,\s*\"username\"\s*:\s*\"[^\"\n]+\"",
        '"key"',
    ),
    ("Kaggle API key", r"(?i)\bkaggle_key\W{1,8}([0-9a-f]{32})\b", "kaggle_key"),
    ("login token", r"\"(?:refresh|access)_token\"\s*:\s*\"([^\"\s]{20,})\"", "_token"),
    ("Hugging Face token", r"\bhf_[A-Za-z0-9]{30,}\b", "hf_"),
    (
        "Weights & Biases key",
        r"(?i)(?:wandb_api_key|wandb\.login)\W{1,12}(?:key\W{1,5})?([0-9a-f]{40})\b",
        "wandb",
    ),
    ("Weights & Biases key", r"\bwandb_v\d_[A-Za-z0-9_]{40,}", "wandb_v"),
    ("Anthropic key", r"\bsk-ant-[A-Za-z0-9_-]{24,}", "sk-ant"),
    ("OpenAI key", r"\bsk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{40,}", "sk-"),
    ("Google API key", r"\bAIza[0-9A-Za-z_-]{35}\b", "aiza"),
    ("Google access token", r"\bya29\.[0-9A-Za-z_-]{24,}", "ya29"),
    ("GitHub token", r"\bgithub_pat_[0-9A-Za-z_]{60,}", "github_pat"),
    ("Databricks token", r"\bdapi[0-9a-f]{32}\b", "dapi"),
    ("DigitalOcean token", r"\bdo[opr]_v1_[0-9a-f]{64}\b", "_v1_"),
    ("private key", r"BEGIN ENCRYPTED PRIVATE KEY", "encrypted"),
    ("password of a .netrc", r"(?m)^[ \t]*machine\s+\S+\s+login\s+\S+\s+password\s+(\S+)", "machine"),
)
_PLACEHOLDER = re.compile(r"(?i)x{6}|\*{3}|\.{3}|example|your[_-]|[<>{}$]|0{8}|1234567")
_WORDS = frozenset(("password", "passwd", "pass", "pwd", "pw", "token", "secret", "key", "api_key"))
_QUOTED = re.compile(r"(?P<quote>['\"])(?P<value>[A-Za-z0-9+/=_-]{20,200})(?P=quote)")
_HEX = re.compile(r"[0-9a-fA-F]+\Z")
_HASHES = (56, 64, 96, 128)
_ABOUT_HASHES = re.compile(r"(?i)sha\d|md5|hash|digest|commit|revision|fingerprint|etag|checksum|integrity")
_BASE64_BITS = 4.5
_HEX_BITS = 3.0


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        name: as people read it.
        pattern: finds candidates in a whole block of text.
        needs: a text in lower case that has to be there, "" for none.
        secrets: takes the line of a candidate and the candidate, gives the secrets in it.
    """

    name: str
    pattern: re.Pattern[str]
    needs: str
    secrets: Callable[[str, re.Match[str]], Iterator[str]]


@lru_cache(maxsize=1)
def known() -> tuple[Format, ...]:
    """Every format; the first call imports detect-secrets, which takes 0.4 s."""
    own = [Format(name, re.compile(pattern), needs, _group) for name, pattern, needs in _OWN]
    theirs = [
        Format(plugin.secret_type, re.compile(p.pattern, p.flags | re.MULTILINE), needs, _asking(plugin))
        for module, name, needs in _PLUGINS
        for plugin in [getattr(importlib.import_module(f"detect_secrets.plugins.{module}"), name)()]
        for p in plugin.denylist
    ]
    return (*own, *theirs)


def find(text: str) -> Iterator[tuple[int, str, str]]:
    """Credentials in a text: where each begins, what it is, and itself."""
    lower = text.lower()
    for one in known():
        if one.needs and one.needs not in lower:
            continue
        for match in one.pattern.finditer(text):
            for secret in one.secrets(line_at(text, match.start()), match):
                if not _is_placeholder(secret):
                    yield match.start(), one.name, secret


def random_looking(text: str) -> int | None:
    """Where the first quoted string begins that looks random and like nothing else, None for none."""
    for match in _QUOTED.finditer(text):
        value = match["value"]
        if not (any(c.isdigit() for c in value) and any(c.isalpha() for c in value)):
            continue
        limit = _HEX_BITS if _HEX.match(value) else _BASE64_BITS
        if limit == _HEX_BITS and len(value) in _HASHES:
            continue
        if _bits(value) > limit and not _ABOUT_HASHES.search(line_at(text, match.start())):
            return match.start()
    return None


def line_at(text: str, place: int) -> str:
    """The line that a place lies in, cut to what a person writes into one."""
    start = text.rfind("\n", 0, place) + 1
    end = text.find("\n", place)
    end = len(text) if end < 0 else end
    return text[max(start, place - 2000) : min(end, place + 4000)]


def masked(secret: str) -> str:
    """A secret as it may be shown: its kind of beginning and its length."""
    shown = secret[:4] if len(secret) >= 20 else ""  # noqa: PLR2004 - four of twenty characters give nothing away
    return f"{shown}…, {len(secret)} characters"


def _group(line: str, match: re.Match[str]) -> Iterator[str]:
    del line
    yield match[1] if match.re.groups else match[0]


def _asking(plugin: Any) -> Callable[[str, re.Match[str]], Iterator[str]]:
    def secrets(line: str, match: re.Match[str]) -> Iterator[str]:
        del match
        yield from plugin.analyze_string(line)

    return secrets


def _is_placeholder(secret: str) -> bool:
    return secret.lower() in _WORDS or bool(_PLACEHOLDER.search(secret))


def _bits(value: str) -> float:
    """Shannon entropy, in bits per character."""
    return -sum(n / len(value) * math.log2(n / len(value)) for n in map(value.count, set(value)))
