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

from kaggle_workflow.credentials import placeholders

# Written into every cache of results: to be raised whenever something below finds more or less than before.
VERSION = 3

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
# Where a pattern has a group, the group is the secret. Shapes as users' published notebooks and the services' pages show them.
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
_LOGIN = re.compile(
    r"://(?P<user>[^\s:/@'\"<>{}$%]*):(?P<password>(?!\d{1,5},)[^\s/@'\"<>{}$]+)@(?P<host>\[?[A-Za-z0-9_.:-]+)"
)
_LOCAL = re.compile(r"(?i)localhost\b|127\.|0\.0\.0\.0|\[?::1")
_LONGEST_LOCAL = 10
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
    own.append(Format("login in an address", _LOGIN, "://", _password))
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
                if not placeholders.is_one(secret):
                    yield match.start(), one.name, secret


def random_looking(text: str) -> Iterator[tuple[int, str]]:
    """Quoted strings that look random and like nothing else: where each begins, and itself."""
    for match in _QUOTED.finditer(text):
        value = match["value"]
        if not (any(c.isdigit() for c in value) and any(c.isalpha() for c in value)):
            continue
        limit = _HEX_BITS if _HEX.match(value) else _BASE64_BITS
        if limit == _HEX_BITS and len(value) in _HASHES:
            continue
        if _bits(value) > limit and not _ABOUT_HASHES.search(line_at(text, match.start())):
            yield match.start(), value


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


def _password(line: str, match: re.Match[str]) -> Iterator[str]:
    """The password in an address, unless it is one of those that every manual has: the user's own name, a word for this machine."""
    del line
    password = match["password"]
    local = _LOCAL.match(match["host"]) and len(password) <= _LONGEST_LOCAL
    if password.lower() != match["user"].lower() and not local:
        yield password


def _asking(plugin: Any) -> Callable[[str, re.Match[str]], Iterator[str]]:
    def secrets(line: str, match: re.Match[str]) -> Iterator[str]:
        del match
        yield from plugin.analyze_string(line)

    return secrets


def _bits(value: str) -> float:
    """Shannon entropy, in bits per character."""
    return -sum(n / len(value) * math.log2(n / len(value)) for n in map(value.count, set(value)))
