"""The notebook that is pushed: the user's own, with one cell in front of it that carries shim and plan.

The source file is never touched. Its cells go out without outputs, with the kernel name that Kaggle's papermill wants.
"""

from __future__ import annotations

import ast
import copy
import hashlib
import json
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kaggle_shim.errors import PlanError
from kaggle_shim.plan import PLAN_VARIABLE, Plan
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.stage import lenient_notebook, plain_notebook

LARGEST_SOURCE = 900_000
CELL_ID = "kaggle-shim"
_PLAN_LINE = re.compile(r"^_PLAN = (?P<literal>'.*')$", re.MULTILINE)
_CODES_LINE = re.compile(r"^_CODES = (?P<literal>'.*')$", re.MULTILINE)
_CELLS_LINE = re.compile(r"^# cells (?P<cells>[0-9a-f]{64})$", re.MULTILINE)
_OWN_KERNELS = ("python3", "python")

_CELL = """\
# kaggle_shim {version}: written by the workspace when it staged this notebook. Edit shim/ and invoke.yaml there, not this cell.
# cells {cells}
_PLAN = {plan!r}
_SHIM = {shim!r}
_CODES = {codes!r}


def _unpack():
    import base64, io, os, sys, tempfile, time, zipfile, zlib

    if sys.version_info < (3, 10):
        raise SystemExit("kaggle_shim wants Python 3.10 or newer, this image has " + sys.version.split()[0] + ": pin another image.")
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
    """A user's notebook, ready to be composed: its cells and what was corrected on the way."""

    node: Any
    corrections: tuple[str, ...]


def read_source(path: Path) -> Source:
    """Read a notebook and correct what Kaggle would stumble over.

    Raises:
        WorkflowError: it is no notebook, with its path and the reason.
    """
    repairs: tuple[str, ...] = ()
    try:
        value = _without_outputs(json.loads(path.read_text(encoding="utf-8-sig")))
        node = plain_notebook.node_of(value)
        if node is None:
            node, repairs = _node_of(value)
        _name_cells(node)
    except FileNotFoundError as error:
        raise WorkflowError(
            f"{path} does not exist: write it, or correct code_file in its metadata."
        ) from error
    except (UnicodeDecodeError, ValueError, RecursionError, KeyError, AttributeError, TypeError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise WorkflowError(
            f"{path} can't be read as a notebook ({reason}): correct that, or restore the file from git."
        ) from error
    told = tuple(f"{repair}." for repair in repairs)
    return Source(node, (*told, *_correct(node, path.name)))


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
    node = copy.deepcopy(source.node)
    code = _CELL.format(
        version=version,
        cells=cells_fingerprint(node["cells"]),
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
    node["cells"] = [cell, *node["cells"]]
    text = json.dumps(node, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    size = sent_size(text)
    if size > LARGEST_SOURCE:
        inside = (
            "the codes are inside it: set workspace.codes to dataset"
            if codes
            else "move what is large in it into codes/"
        )
        raise WorkflowError(
            f"The notebook {plan.notebook} is {size} bytes as it is sent, and Kaggle takes less than {LARGEST_SOURCE}: {inside}."
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
        cells = json.loads(text)["cells"]
        source = cells[0]["source"]
        match = _PLAN_LINE.search(source if isinstance(source, str) else "".join(source))
        return Plan.loads(ast.literal_eval(match["literal"])) if match else None
    except (ValueError, RecursionError, KeyError, IndexError, TypeError, SyntaxError, PlanError):
        return None


def codes_of(text: str) -> str:
    """The packed code tree inside a notebook's source, "" when it carries none."""
    try:
        source = json.loads(text)["cells"][0]["source"]
        match = _CODES_LINE.search(source if isinstance(source, str) else "".join(source))
        return str(ast.literal_eval(match["literal"])) if match else ""
    except (ValueError, RecursionError, KeyError, IndexError, TypeError, SyntaxError):
        return ""


def cells_fingerprint(cells: list[Any]) -> str:
    """SHA-256 (hex) over the kinds and sources of cells, whether a source is one text or a list of lines."""
    told = [
        (cell["cell_type"], cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"]))
        for cell in cells
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def edited(text: str) -> bool:
    """Whether the cells below ours differ from those that were staged with it; False for a notebook that is not ours."""
    try:
        first, *others = json.loads(text)["cells"]
        source = first["source"] if isinstance(first["source"], str) else "".join(first["source"])
        match = _CELLS_LINE.search(source)
        return match is not None and match["cells"] != cells_fingerprint(others)
    except (ValueError, RecursionError, KeyError, IndexError, TypeError):
        return False


def same(one: str, other: str) -> bool:
    """Whether two composed notebooks are the same but for how they are written down: the plan and the user's cells."""
    try:
        cells = [cells_fingerprint(json.loads(text)["cells"][1:]) for text in (one, other)]
    except (ValueError, RecursionError, KeyError, IndexError, TypeError):
        return False
    plan = plan_of(one)
    return plan is not None and plan == plan_of(other) and cells[0] == cells[1]


def _without_outputs(value: Any) -> Any:
    """A notebook as saved by nbformat 4, without what is not sent: outputs may have hundreds of megabytes."""
    for cell in value["cells"] if isinstance(value, dict) and isinstance(value.get("cells"), list) else ():
        if isinstance(cell, dict) and "outputs" in cell:
            cell["outputs"] = []
    return value


def _node_of(value: Any) -> tuple[Any, tuple[str, ...]]:
    """A notebook in the current format, and what had to be changed to make it valid; raises ValueError where that can't be done."""
    try:
        return _by_nbformat(value), ()
    except (ValueError, KeyError, AttributeError, TypeError, AssertionError):
        # nbformat asserts some of what it wants.
        valid, repairs = lenient_notebook.made_valid(value)
        return _by_nbformat(valid), repairs


def _by_nbformat(value: object) -> Any:
    """Any notebook that nbformat takes, in the current format; raises ValueError with its words for what it does not take."""
    import nbformat

    try:
        with warnings.catch_warnings():
            # Missing cell ids are added afterwards; nbformat's word on them is not for the user.
            warnings.simplefilter("ignore")
            node = nbformat.reads(json.dumps(value), as_version=4)
            _name_cells(node)
            nbformat.validate(node)
    except (nbformat.reader.NotJSONError, nbformat.ValidationError) as error:
        raise ValueError(str(error)) from error
    return node


def _name_cells(node: Any) -> None:
    """Give cells the ids that nbformat 4.5 wants, the same ones every time."""
    node["nbformat_minor"] = 5
    seen: set[str] = {CELL_ID}
    for number, cell in enumerate(node.get("cells", [])):
        if not cell.get("id") or cell["id"] in seen:
            cell["id"] = f"cell-{number}"
        seen.add(cell["id"])


def _correct(node: Any, name: str) -> tuple[str, ...]:
    corrections = []
    kernel = node["metadata"].get("kernelspec", {}).get("name")
    if kernel not in _OWN_KERNELS:
        had = "no kernel name" if kernel is None else f"the private kernel {kernel!r}"
        corrections.append(f"{name} was saved with {had}; it goes out with python3.")
    node["metadata"]["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    for cell in node["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = []
            cell["execution_count"] = None
    node["metadata"].pop("widgets", None)
    return tuple(corrections)
