"""Tokens that stand for themselves: found in any bytes, whatever stands before and after them.

In a program, a pickle or a table of strings there is no line and no name beside a token; its own beginning is all there is.
"""

from __future__ import annotations

import binascii
import bisect
import re
from collections.abc import Iterator

from kaggle_workflow.credentials import placeholders

# What it is, texts without which it can't be there (a search for these is quick), and its shape.
_FORMATS = tuple(
    (name, tuple(word.encode() for word in needs.split("|")), re.compile(shape.encode()))
    for name, needs, shape in (
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
)
_BEFORE = re.compile(rb"[0-9A-Za-z]\Z")
_ENCODED = re.compile(rb"[A-Za-z0-9+/_-]{28,}(?:={0,2}\r?\n[A-Za-z0-9+/_-]{4,})*")
_BLOB = 3000
_BLOBS = re.compile(rb"[A-Za-z0-9+/=]{%d,}" % _BLOB)
# The two letters that differ in the alphabet of addresses (RFC 4648, 5).
_ALPHABET = bytes.maketrans(b"-_", b"+/")
# Every byte by its kind: of a token (a), zero (0), any other (a dot).
_KINDS = bytes(
    ord("a")
    if chr(code) in "+-./=_" or (chr(code).isascii() and chr(code).isalnum())
    else ord("." if code else "0")
    for code in range(256)
)
# No token has fewer letters in a row.
_IN_A_ROW = 20


def find(content: bytes, *, whole: bool = False) -> Iterator[tuple[int, str, str]]:
    """Tokens in any bytes: where each begins, what it is, and itself; `whole` leaves out what is the end of a longer word."""
    for name, needs, shape in _FORMATS:
        if not any(word in content for word in needs):
            continue
        for match in shape.finditer(content):
            if whole and _BEFORE.match(content, max(0, match.start() - 1), match.start()):
                continue
            secret = match[0].decode("ascii", "replace")
            if not placeholders.is_one(secret):
                yield match.start(), name, secret


def find_encoded(content: bytes) -> Iterator[tuple[int, str, str]]:
    """Tokens in the base64 that stands in a text, with line ends in it or without."""
    runs = [(run.start(), run[0].translate(_ALPHABET, b"\r\n=")) for run in _ENCODED.finditer(content)]
    for offset in range(4):
        # Where in a run the encoded text begins is not known; all runs are searched at once, for there are thousands.
        decoded, starts = bytearray(), []
        for _, packed in runs:
            starts.append(len(decoded))
            decoded += binascii.a2b_base64(packed[offset : offset + (len(packed) - offset) // 4 * 4]) + b"\n"
        for place, name, secret in find(bytes(decoded)) if may_hold(decoded)[0] else ():
            yield runs[bisect.bisect(starts, place) - 1][0], f"{name} in base64", secret


def without_blobs(content: bytes) -> bytes:
    """A text with blanks in place of pictures and the like in base64: no line of a person is in there, and each takes 0.1 s a megabyte."""
    if b"a" * _BLOB not in content.translate(_KINDS):
        return content
    return _BLOBS.sub(lambda blob: b" " * len(blob[0]), content)


def may_hold(content: bytes | bytearray) -> tuple[bool, bool]:
    """Whether any token can be in some bytes: one byte a letter, and two or four bytes a letter. Weights answer no, at 500 MB/s."""
    kinds = content.translate(_KINDS)
    wide = b"a0" * _IN_A_ROW in kinds or b"a000" * _IN_A_ROW in kinds
    return b"a" * _IN_A_ROW in kinds, wide
