"""Known formats of credentials: those of detect-secrets (Yelp), and those of the services that competitors use."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

# Part of the key of every cache of results: raise it when a change below finds more or less than before.
VERSION = 5

# Each format: its name, a text without which it can't match ("a|b": one of these; searching for it is quick), its pattern.
# The last group of a pattern is the secret; without a group, the whole match is.
#
# Tokens with a beginning of their own, found in text and in binary files.
_TOKENS = (
    ("Kaggle API token", "KG", r"KG[A-Z]{2}_[0-9A-Za-z]{24,}"),
    ("Hugging Face token", "hf_", r"hf_[A-Za-z0-9]{30,}"),
    ("Weights & Biases key", "wandb_v", r"wandb_v\d_[A-Za-z0-9_]{40,}"),
    ("Anthropic key", "sk-ant-", r"sk-ant-[A-Za-z0-9_-]{24,}"),
    ("OpenAI key", "sk-proj|sk-svc|sk-adm", r"sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{40,}"),
    ("Google API key", "AIza", r"AIza[0-9A-Za-z_-]{35}"),
    ("Google access token", "ya29.", r"ya29\.[0-9A-Za-z_-]{24,}"),
    ("GitHub token", "ghp_|gho_|ghu_|ghs_|ghr_", r"gh[oprsu]_[A-Za-z0-9]{36}"),
    ("GitHub token", "github_pat_", r"github_pat_[0-9A-Za-z_]{60,}"),
    ("GitLab token", "gl", r"gl(?:pat|dt|ft|soat|rt|cbt|ptt|imt|oas|agent)-[A-Za-z0-9_-]{20,}"),
    ("AWS access key", "AKIA|ASIA", r"A[KS]IA[0-9A-Z]{16}(?![0-9A-Za-z+/])"),
    ("Slack token", "xox", r"xox[abopsr]-(?:\d+-)+[A-Za-z0-9]+"),
    ("Databricks token", "dapi", r"dapi[0-9a-f]{32}(?![0-9A-Za-z])"),
    ("DigitalOcean token", "_v1_", r"do[opr]_v1_[0-9a-f]{64}"),
    ("SendGrid key", "SG.", r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    ("Stripe key", "k_live_", r"[rs]k_live_[0-9A-Za-z]{24,}"),
    ("PyPI token", "pypi-AgE", r"pypi-AgE[A-Za-z0-9_-]{70,}"),
    ("npm token", "npm_", r"npm_[A-Za-z0-9]{36}"),
    ("JSON web token", "eyJ", r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,}"),
    (
        "private key",
        "PRIVATE KEY-----|PRIVATE KEY BLOCK-----",
        r"PRIVATE KEY(?: BLOCK)?-----(?:\s|\\[rn]|[\"']|[A-Za-z-]+: [^\r\n]{1,200}\r?\n)+[A-Za-z0-9+/]{40}",
    ),
)
# Credentials that only the text around them identifies.
_IN_TEXT = (
    (
        "Kaggle API key",
        "username",
        r"(?i)username[\\\"']+\s*[:=]\s*[\\\"']+[^\\\"'\n]+[\\\"']+\s*,\s*[\\\"']*key[\\\"']*\s*[:=]\s*[\\\"']+([0-9a-f]{20,})",
    ),
    (
        "Kaggle API key",
        "username",
        r"(?i)key[\\\"']+\s*[:=]\s*[\\\"']+([0-9a-f]{20,})[\\\"']+\s*,\s*[\\\"']+username[\\\"']+\s*[:=]",
    ),
    ("Kaggle API key", "kaggle_key", r"(?i)\bkaggle_key\W{1,8}([0-9a-f]{32})\b"),
    (
        "AWS secret key",
        "aws",
        r"(?i)aws.{0,20}?(?:key|pwd|pw|password|pass|token).{0,20}?['\"]([0-9a-zA-Z/+]{40})['\"]",
    ),
    ("login token", "_token", r"\"(?:refresh|access)_token\"\s*:\s*\"([^\"\s]{20,})\""),
    (
        "Weights & Biases key",
        "wandb",
        r"(?i)(?:wandb_api_key|wandb\.login)\W{1,12}(?:key\W{1,5})?([0-9a-f]{40})\b",
    ),
    ("private key", "putty-user", r"(?m)^PuTTY-User-Key-File-\d: "),
    ("password of a .netrc", "machine", r"(?m)^[ \t]*machine\s+\S+\s+login\s+\S+\s+password\s+(\S+)"),
    # Not the logins of every manual: a password equal to the user's name, or a short one for this machine.
    (
        "login in an address",
        "://",
        r"(?i)://([^\s:/@'\"<>{}$%]*):(?!\d{1,5},|\1@|[^\s/@]{1,10}@(?:localhost\b|127\.|0\.0\.0\.0|\[?::1))([^\s/@'\"<>{}$]+)@\[?[A-Za-z0-9_.:-]",
    ),
)
# The detectors of detect-secrets 1.5 whose formats need no context and are not listed above. Most of their patterns take Python
# 100 ms for each megabyte, so each is tried only where its text occurs.
_DETECTORS = {
    "AzureStorageKeyDetector": "accountkey",
    "CloudantDetector": "cloudant",
    "DiscordBotTokenDetector": "discord",
    "IbmCloudIamDetector": "ibm",
    "IbmCosHmacDetector": "ibm",
    "MailchimpDetector": "-us",
    "NpmDetector": "_authtoken",
    "OpenAIDetector": "sk-",
    "SlackDetector": "slack",
    "SoftlayerDetector": "softlayer",
    "SquareOAuthDetector": "sq0csp",
    "TelegramBotTokenDetector": "telegram",
    "TwilioKeyDetector": "twilio",
}
# What examples have in place of a credential.
_PLACEHOLDER = re.compile(r"(?i)x{6}|\*{3}|\.{3}|example|your[_-]|[<>{}$]|0{8}|1234567")
_PLACEHOLDER_WORDS = frozenset(
    ("password", "passwd", "pass", "pwd", "pw", "token", "secret", "key", "api_key", "changeme", "passw0rd")
)


@lru_cache(maxsize=2)
def _formats(*, binary: bool) -> tuple[tuple[str, list[str], re.Pattern[str]], ...]:
    """Formats to try; the first call for text imports detect-secrets, which takes 0.4 s."""
    if binary:
        return tuple((name, needs.lower().split("|"), re.compile(shape)) for name, needs, shape in _TOKENS)
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class

    # Its classes with patterns, as no annotation of detect-secrets says.
    detectors: dict[str, Any] = dict(get_mapping_from_secret_type_to_class())
    own = [*((name, needs, rf"(?<![0-9A-Za-z]){shape}") for name, needs, shape in _TOKENS), *_IN_TEXT]
    return (
        *((name, needs.lower().split("|"), re.compile(shape)) for name, needs, shape in own),
        *(
            (name, [_DETECTORS[detector.__name__]], re.compile(one.pattern, one.flags | re.MULTILINE))
            for name, detector in detectors.items()
            if detector.__name__ in _DETECTORS
            for one in detector.denylist
        ),
    )


def find(text: str, *, binary: bool = False) -> Iterator[tuple[int, str, str]]:
    """Find credentials in a text, or in the latin-1 of a `binary` file: position, name and secret of each."""
    lower = text.lower()
    for name, needs, pattern in _formats(binary=binary):
        if any(word in lower for word in needs):
            for match in pattern.finditer(text):
                secret = match[match.lastindex or 0]
                if not is_placeholder(secret):
                    yield match.start(), name, secret


def is_placeholder(secret: str) -> bool:
    """Return whether a text is a placeholder for a credential, as in an example."""
    return secret.lower() in _PLACEHOLDER_WORDS or bool(_PLACEHOLDER.search(secret))


def masked(secret: str) -> str:
    """Return what may be shown of a secret: its first letters and its length."""
    shown = secret[:4] if len(secret) >= 20 else ""  # noqa: PLR2004 - four of twenty characters give nothing away
    return f"{shown}…, {len(secret)} characters"
