"""The notebook that is pushed: the user's own, with one cell in front of it that carries shim and plan.

The source file is never touched. Its cells are sent without outputs, with the kernel name that Kaggle's papermill wants, in a form
that is valid: papermill runs notebooks that break the format, as Colab, coding agents and other tools write them. nbformat is
used for formats before 4 only: its import and its schemas take longer than a push that sends nothing.
"""

from __future__ import annotations

import ast
import hashlib
import itertools
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kaggle_shim.errors import PlanError
from kaggle_shim.plan import PLAN_VARIABLE, Plan
from kaggle_workflow import halves
from kaggle_workflow.errors import WorkflowError

LARGEST_SOURCE = 900_000
CELL_ID = "kaggle-shim"
PLAN_LINE = re.compile(r"^_PLAN = (?P<literal>'.*')$", re.MULTILINE)
_CODES_LINE = re.compile(r"^_CODES = (?P<literal>'.*')$", re.MULTILINE)
_CELLS_LINE = re.compile(r"^# cells (?P<cells>[0-9a-f]{64})$", re.MULTILINE)
_OWN_KERNELS = ("python3", "python")
_FORMAT = {"nbformat": 4, "nbformat_minor": 5}
_KINDS = ("code", "markdown", "raw")
_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
# Metadata to which the format gives a type, or which nbformat takes out: none of it changes what Kaggle does.
_UNUSED = frozenset(
    (
        *("authors", "orig_nbformat", "orig_nbformat_minor", "signature", "title", "widgets"),
        *("execution", "format", "name", "scrolled", "trusted"),
    )
)
_TYPES = {"jupyter": dict, "collapsed": bool}
_NO_NOTEBOOK = (ValueError, RecursionError, KeyError, IndexError, TypeError, AttributeError, AssertionError)

_CELL = """\
# kaggle_shim {version}: `invoke push` wrote this cell. Edit codes/ and invoke.yaml in the workspace instead.
# cells {cells}
_PLAN = {plan!r}
_SHIM = {shim!r}
_CODES = {codes!r}


def _unpack():
    import base64, io, os, sys, tempfile, time, zipfile, zlib

    if sys.version_info < (3, 10):
        raise SystemExit("kaggle_shim needs Python 3.10 or newer; this image has " + sys.version.split()[0] + ". Pin another image.")
    folder = tempfile.mkdtemp(prefix="kaggle_shim-")
    zipfile.ZipFile(io.BytesIO(zlib.decompress(base64.b64decode(_SHIM)))).extractall(folder)
    if _CODES:
        zipfile.ZipFile(io.BytesIO(zlib.decompress(base64.b64decode(_CODES)))).extractall(os.path.join(folder, "codes"))
    plan = os.path.join(folder, "plan.json")
    with open(plan, "w", encoding="utf-8") as file:
        file.write(_PLAN)
    os.environ[{variable!r}] = plan
    os.environ["KAGGLE_SHIM_STARTED"] = repr(time.time())
    sys.path.insert(0, folder)


_unpack()
del _unpack, _SHIM, _CODES
"""


@dataclass(frozen=True)
class Source:
    """A user's notebook, ready to be composed: its value (not to be changed) and what was corrected on the way."""

    node: dict[str, Any]
    corrections: tuple[str, ...]


# The notebooks that this command read, each with the digest of its file: check, doctor and staging read the same ones.
_parsed: dict[Path, tuple[bytes, Source]] = {}


def read_source(path: Path) -> Source:
    """Read a notebook and correct what Kaggle can't run; a file with the same bytes as before is parsed once.

    Raises:
        WorkflowError: it is not a notebook, with its path and the reason.
    """
    said: list[str] = []
    try:
        content = path.read_bytes()
        digest = hashlib.sha256(content).digest()
        known = _parsed.get(path)
        if known is not None and known[0] == digest:
            return known[1]
        text = content.decode("utf-8-sig")
        # Outputs may have hundreds of megabytes.
        del content
        node = _valid(_upgraded(json.loads(text)), path.name, said)
    except FileNotFoundError as error:
        raise WorkflowError(
            f"{path} does not exist. Create it, or correct code_file in its metadata."
        ) from error
    except _NO_NOTEBOOK as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise WorkflowError(
            f"{path} can't be read as a notebook ({reason}). Correct it, or restore the file from git."
        ) from error
    _parsed[path] = digest, Source(node, tuple(said))
    return _parsed[path][1]


def compose(source: Source, plan: Plan, version: str, shim: str, codes: str = "") -> str:
    """The notebook to push, as JSON text.

    Args:
        source: the user's notebook.
        plan: what the run must find and do.
        version: version and fingerprint of the shim.
        shim: the packed shim.
        codes: the packed code tree, "" when it is a dataset.

    Raises:
        WorkflowError: it is larger than Kaggle takes.
    """
    code = _CELL.format(
        version=version,
        cells=cells_fingerprint(source.node["cells"]),
        plan=plan.dumps(),
        shim=shim,
        codes=codes,
        variable=PLAN_VARIABLE,
    )
    cell: dict[str, Any] = {
        "cell_type": "code",
        "execution_count": None,
        "id": CELL_ID,
        "metadata": {"_kg_hide-input": True, "jupyter": {"source_hidden": True}},
        "outputs": [],
        "source": code,
    }
    node = {**source.node, "cells": [cell, *source.node["cells"]]}
    text = json.dumps(node, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    size = sent_size(text)
    if size > LARGEST_SOURCE:
        remedy = (
            "The codes are inside it: set workspace.codes to dataset in invoke.yaml."
            if codes
            else "Move what is large in it into codes/."
        )
        raise WorkflowError(
            f"The notebook {plan.notebook} is too large: {size} bytes as it is sent, and Kaggle takes less than {LARGEST_SOURCE}. {remedy}"
        )
    return text


def sent_size(text: str) -> int:
    """Bytes of a notebook as the official client sends it: re-encoded by `json.dumps`, each source as one text."""
    value = json.loads(text)
    for cell in value.get("cells", []):
        if isinstance(cell.get("source"), list):
            cell["source"] = "".join(cell["source"])
    return len(json.dumps(value).encode())


def plan_of(text: str) -> Plan | None:
    """The plan inside a notebook's source, None when it carries none that can be read."""
    try:
        return Plan.loads(_literal(text, PLAN_LINE))
    except PlanError:
        return None


def codes_of(text: str) -> str:
    """The packed code tree inside a notebook's source, "" when it carries none."""
    return _literal(text, _CODES_LINE)


def cells_fingerprint(cells: list[Any]) -> str:
    """SHA-256 (hex) over the kinds and sources of cells, whether a source is one text or a list of lines."""
    return _digest([_content(cell) for cell in cells])


def edited(text: str) -> bool:
    """Whether the cells below ours differ from those that were staged with it; False for a notebook that is not ours."""
    contents = _contents(text)
    match = _CELLS_LINE.search(contents[0][1]) if contents else None
    return match is not None and match["cells"] != _digest(contents[1:])


def same(one: str, other: str) -> bool:
    """Whether two composed notebooks have the same plan and the same cells, however they are formatted."""
    plan = plan_of(one)
    return plan is not None and plan == plan_of(other) and _contents(one)[1:] == _contents(other)[1:]


def _contents(text: str) -> list[tuple[Any, str]]:
    """Kind and source of each cell; none for a text that is not a notebook."""
    try:
        return [_content(cell) for cell in json.loads(text)["cells"]]
    except _NO_NOTEBOOK:
        return []


def _content(cell: Any) -> tuple[Any, str]:
    return cell["cell_type"], "".join(cell["source"])


def _digest(contents: list[tuple[Any, str]]) -> str:
    return hashlib.sha256(json.dumps(contents).encode()).hexdigest()


def _literal(text: str, line: re.Pattern[str]) -> str:
    contents = _contents(text)
    match = line.search(contents[0][1]) if contents else None
    try:
        return str(ast.literal_eval(match["literal"])) if match else ""
    except (ValueError, SyntaxError):
        return ""


def _upgraded(value: Any) -> Any:
    """The JSON of a notebook in format 4; one of an earlier format is converted."""
    if not isinstance(value, dict) or "cells" in value or "worksheets" not in value:
        return value
    import nbformat

    return nbformat.reads(json.dumps(value), as_version=4)


def _valid(value: Any, name: str, said: list[str]) -> dict[str, Any]:
    """A notebook in format 4.5 with the same cells; says what was changed that matters to the user.

    Raises:
        ValueError: it has no cells, or a cell is none; the message names it.
    """
    if not isinstance(value, dict) or not isinstance(value.get("cells"), list):
        raise ValueError("it has no list of cells")  # noqa: TRY004 - what a file holds is a value
    extra = sorted(set(value) - {*_FORMAT, "cells", "metadata"})
    if extra:
        said.append(f"{', '.join(extra)} at the top level is not part of a notebook. It is not uploaded.")
    if value.get("nbformat") != _FORMAT["nbformat"] or not isinstance(value.get("nbformat_minor"), int):
        said.append(
            f"its format is {value.get('nbformat')}.{value.get('nbformat_minor')}. It is uploaded as 4.5."
        )
    seen: set[str] = {CELL_ID}
    cells = [_valid_cell(cell, number, seen, said) for number, cell in enumerate(value["cells"], 1)]
    metadata = value["metadata"] if isinstance(value.get("metadata"), dict) else {}
    kernel = metadata.get("kernelspec")
    kernel = kernel.get("name") if isinstance(kernel, dict) else None
    if kernel not in _OWN_KERNELS:
        had = "no kernel" if kernel is None else f"the kernel {kernel!r}, which Kaggle lacks"
        said.append(f"{name} names {had}. It is uploaded with the kernel python3.")
    kept = halves.replaced(
        {key: one for key, one in metadata.items() if key not in _UNUSED}, "its metadata", said
    )
    kept["language_info"] = {"name": "python"}
    kept["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": cells, "metadata": kept, **_FORMAT}


def _valid_cell(cell: Any, number: int, seen: set[str], said: list[str]) -> dict[str, Any]:
    if not isinstance(cell, dict):
        raise ValueError(f"cell {number} is {type(cell).__name__}, not an object")  # noqa: TRY004 - as above
    kind, source, ident = cell.get("cell_type"), cell.get("source"), cell.get("id")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    elif not isinstance(source, str):
        said.append(f"the source of cell {number} is not text. The cell is uploaded empty.")
        source = ""
    if kind == "heading":
        # A kind of notebook format 3.
        kind, source = "markdown", f"# {source}"
        said.append(f"cell {number} is a heading, which format 4 lacks. It is uploaded as markdown.")
    if kind not in _KINDS:
        raise ValueError(f"cell {number} has the cell_type {kind!r}: write code, markdown or raw")
    if not isinstance(ident, str) or not _ID.fullmatch(ident) or ident in seen:
        if ident is not None:
            said.append(
                f"the id {str(ident)[:20]!r} of cell {number} is invalid or used twice. The cell gets another."
            )
        ident = next(one for n in itertools.count() if (one := f"cell-{number}-{n}") not in seen)
    seen.add(ident)
    given = cell["metadata"] if isinstance(cell.get("metadata"), dict) else {}
    metadata = {
        key: one
        for key, one in given.items()
        if key not in _UNUSED and isinstance(one, _TYPES.get(key, object))
    }
    tags = metadata.pop("tags", None)
    tags = [tags] if isinstance(tags, str) else tags
    if isinstance(tags, list) and all(isinstance(one, str) and re.fullmatch("[^,]+", one) for one in tags):
        metadata["tags"] = list(dict.fromkeys(tags))
    made = {"cell_type": kind, "id": ident, "metadata": metadata, "source": source}
    more = {"attachments": cell["attachments"]} if isinstance(cell.get("attachments"), dict) else {}
    if kind == "code":
        more = {"execution_count": None, "outputs": []}
    return halves.replaced({**made, **more}, f"cell {number}", said)
