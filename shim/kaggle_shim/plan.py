"""The plan: what a pushed notebook must find, run and write, decided on the developer's machine.

The notebook's first cell holds it as JSON, which also identifies the version on Kaggle.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from kaggle_shim import refs
from kaggle_shim.errors import PlanError, RefError

SCHEMA = 1
PLAN_VARIABLE = "KAGGLE_SHIM_PLAN"


@dataclass(frozen=True)
class Input:
    """One attached source.

    Attributes:
        ref: what is attached.
        role: `codes` (run from it), `wheels` (install from it) or `data` (left to the entry point).
        fingerprint: fingerprint that its manifest must state (of a sweep's job, the codes in its run report), None for a source
            that wasn't pushed from a workspace.
    """

    ref: refs.Ref
    role: str
    fingerprint: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The input as plain JSON values."""
        return {
            "kind": self.ref.kind,
            "ref": str(self.ref),
            "role": self.role,
            "fingerprint": self.fingerprint,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Input:
        """Read what `to_json` wrote; raises KeyError or RefError."""
        return cls(refs.parse(value["kind"], value["ref"]), value["role"], value["fingerprint"])


@dataclass(frozen=True)
class Plan:
    """Everything that one notebook run needs.

    Attributes:
        role: `sub` (runs an entry point) or `deps` (collects wheels).
        notebook: `owner/slug` of the notebook itself.
        workspace: id of the workspace.
        competition: slug of the competition, None for none.
        template: version of template and shim that staged it, with the shim's fingerprint.
        inputs: what must be mounted.
        inline_codes: fingerprint of the code tree inside the notebook, None when the codes are a dataset.
        internet: whether the notebook may use the network.
        entry: entry point with its arguments, as a list: `["exp001.py"]`, `["-m", "solution.infer"]`, `["bash", "run.sh"]`.
        environment: variables added for the entry point.
        limit: seconds that the competition allows; `limit_assumed` when this is only a default.
        warn_share: share of the limit from which the run warns (0 to 1).
        guard: seconds after which the entry point is ended, None for never; `grace` seconds lie between SIGTERM and SIGKILL.
        partial: file that serves as the submission when the guard ended the run, None for none.
        submission: name of the file that the competition scores.
        output: `file`, or `gateway` when an evaluation API writes the submission.
        check: `exists`, `columns` or `strict`: how strictly the submission is checked.
        accelerator: what the metadata asks for: `gpu`, `tpu` or None.
        light: True for a save run in which the entry point should be short.
        requirements: for `deps`: file name to text, `requirements.txt` first.
        deps_fingerprint: what the wheels are made from (requirements, collector, the user's wheels).
        allow: protected packages that may replace the image's, and other checks that the user overrides.
    """

    role: str
    notebook: str
    workspace: str
    competition: str | None
    template: str
    inputs: tuple[Input, ...] = ()
    inline_codes: str | None = None
    internet: bool = False
    entry: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    limit: float | None = None
    limit_assumed: bool = False
    warn_share: float = 0.8
    guard: float | None = None
    grace: float = 60.0
    partial: str | None = None
    submission: str = "submission.csv"
    output: str = "file"
    check: str = "columns"
    accelerator: str | None = None
    light: bool = False
    requirements: tuple[tuple[str, str], ...] = ()
    deps_fingerprint: str | None = None
    allow: tuple[str, ...] = ()

    def dumps(self) -> str:
        """The plan as one line of JSON, the same bytes for the same values."""
        value = {field.name: getattr(self, field.name) for field in fields(self)}
        value["inputs"] = [one.to_json() for one in self.inputs]
        value["environment"] = dict(self.environment)
        value["requirements"] = dict(self.requirements)
        return json.dumps({"schema": SCHEMA, **value}, ensure_ascii=True, sort_keys=True)

    @classmethod
    def loads(cls, text: str) -> Plan:
        """Read a plan; raises PlanError when this shim can't read it."""
        try:
            value: dict[str, Any] = json.loads(text)
            if value.pop("schema") != SCHEMA:
                raise PlanError(
                    "The plan and the shim in this notebook have different versions: push the notebook again."
                )
            value["inputs"] = tuple(Input.from_json(one) for one in value["inputs"])
            for name in ("environment", "requirements"):
                value[name] = tuple(value[name].items())
            for name in ("entry", "allow"):
                value[name] = tuple(value[name])
            return cls(**value)
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError, RefError) as error:
            raise PlanError(
                f"The plan in this notebook can't be read ({type(error).__name__}: {error}): push it again."
            ) from error

    def of_role(self, role: str) -> tuple[Input, ...]:
        """The inputs with that role."""
        return tuple(one for one in self.inputs if one.role == role)


def current() -> Plan | None:
    """The plan of the notebook that is running, None outside a pushed or rehearsed notebook.

    Raises:
        PlanError: the notebook names a plan that can't be read.
    """
    path = os.environ.get(PLAN_VARIABLE)
    if not path:
        return None
    try:
        return Plan.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise PlanError(
            f"The plan {path} can't be read ({error}): run the notebook's first cell again."
        ) from error
