"""Package-index settings of this machine, for pip and uv in a notebook with internet."""

import configparser
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

# Where to fetch packages and how to reach the place; not how to install, which is Kaggle's to say, and no login of ours.
_VARIABLES = re.compile(
    r"""
    PIP_(CONFIG_FILE|INDEX_URL|EXTRA_INDEX_URL|NO_INDEX|FIND_LINKS|TRUSTED_HOST|CERT|CLIENT_CERT|PROXY
        |(DEFAULT_)?TIMEOUT|RETRIES|DISABLE_PIP_VERSION_CHECK)
    | UV_(CONFIG_FILE|INDEX|INDEX_URL|DEFAULT_INDEX|EXTRA_INDEX_URL|NO_INDEX|FIND_LINKS|INDEX_STRATEGY|INSECURE_HOST
        |NATIVE_TLS|SYSTEM_CERTS|HTTP_TIMEOUT|HTTP_RETRIES|INDEX_\w+_(USERNAME|PASSWORD))
    | SSL_CERT_(FILE|DIR) | REQUESTS_CA_BUNDLE | CURL_CA_BUNDLE
    | (HTTP|HTTPS|ALL|NO|http|https|all|no)_(PROXY|proxy)
    """,
    re.VERBOSE,
)


@dataclass(frozen=True)
class IndexSettings:
    """What to pass in.

    Args:
        environment: variables, names and values as they are here.
        files: pairs of a path here and the path inside; files and folders, all existing.
    """

    environment: dict[str, str]
    files: tuple[tuple[Path, Path], ...]


def read(environment: Mapping[str, str], prefix: Path, home_inside: Path) -> IndexSettings:
    """Collect the settings of this machine.

    Args:
        environment: this process's variables.
        prefix: the environment whose own `pip.conf` counts as well.
        home_inside: the home folder inside the sandbox.
    """
    kept = {name: value for name, value in environment.items() if _VARIABLES.fullmatch(name)}
    files: dict[Path, Path] = {}
    values = list(kept.values())
    for here, inside in _config_files(environment, prefix, home_inside):
        if here.is_file():
            files.setdefault(inside, here)
            values += _values(here)
    for here, inside in _paths(values, home_inside):
        files.setdefault(inside, here)
    return IndexSettings(kept, tuple((here, inside) for inside, here in files.items()))


def _config_files(
    environment: Mapping[str, str], prefix: Path, home_inside: Path
) -> Iterator[tuple[Path, Path]]:
    home = Path.home()
    config = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    for name in ("pip/pip.conf", "uv/uv.toml"):
        yield config / name, home_inside / ".config" / name
    for name in (".pip/pip.conf", "Library/Application Support/pip/pip.conf"):
        yield home / name, home_inside / name
    if appdata := environment.get("APPDATA"):
        for name in ("pip/pip.ini", "uv/uv.toml"):
            yield Path(appdata) / name, home_inside / name
    machine = [Path("/etc/pip.conf"), Path("/etc/uv/uv.toml"), prefix / "pip.conf"]
    for folder in (environment.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":"):
        machine += [Path(folder) / "pip" / "pip.conf", Path(folder) / "uv" / "uv.toml"]
    for path in machine:
        yield path, path


def _values(path: Path) -> list[str]:
    """Every value in a pip or uv configuration; none when it can't be read, since then pip will say so itself."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".toml":
        try:
            return list(_strings(tomllib.loads(text)))
        except tomllib.TOMLDecodeError:
            return []
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error:
        return []
    return [value for section in parser.sections() for _, value in parser.items(section)]


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)


def _paths(values: Iterable[str], home_inside: Path) -> Iterator[tuple[Path, Path]]:
    """Certificates, folders of wheels and local indexes that the values name."""
    for word in (word for value in values for word in [value, *re.split(r"[\s,]+", value)]):
        url = urlsplit(word)
        text = unquote(url.path) if url.scheme == "file" else word
        if text.startswith("~/"):
            here, inside = Path.home() / text[2:], home_inside / text[2:]
        elif text.startswith("/"):
            here = inside = Path(os.path.normpath(text))
        else:
            continue
        # An index in the layout of PEP 503 links to files that lie beside it.
        if here.name == "simple" and here.is_dir():
            here, inside = here.parent, inside.parent
        if here.exists() and not Path.home().is_relative_to(here):
            yield here, inside
