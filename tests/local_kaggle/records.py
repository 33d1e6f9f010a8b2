"""What the server remembers, as dataclasses that read and write JSON."""

from __future__ import annotations

import dataclasses
import types
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

R = TypeVar("R", bound="DataclassInstance")


def from_json(kind: type[R], data: dict[str, Any]) -> R:
    """Builds a record from what `dataclasses.asdict` made of it; fields that are absent take their defaults."""
    hints = get_type_hints(kind)
    return kind(
        **{f.name: _value(hints[f.name], data[f.name]) for f in dataclasses.fields(kind) if f.name in data}
    )


def _value(hint: Any, value: Any) -> Any:  # a type hint and JSON can be anything
    origin = get_origin(hint)
    if origin in (types.UnionType, Union):
        return (
            value if value is None else _value(next(a for a in get_args(hint) if a is not type(None)), value)
        )
    if origin is list:
        return [_value(get_args(hint)[0], each) for each in value]
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return from_json(hint, value)
    return value


@dataclass
class Blob:
    """One upload: what was announced, how much of it has arrived (`received`), and whether it is finished."""

    token: str
    name: str
    size: int
    owner: str
    received: int = 0
    complete: bool = False
    last_modified: int = 0


@dataclass
class Version:
    """One version of a dataset or of a model's variation."""

    number: int
    id: int
    notes: str
    created: float
    creator: str
    ready_at: float | None
    failed: bool = False
    replaces_older: bool = False


@dataclass
class Dataset:
    id: int
    owner: str
    slug: str
    title: str
    created: float
    subtitle: str = ""
    description: str = ""
    license: str = ""
    is_private: bool = True
    keywords: list[str] = field(default_factory=list)
    file_settings: list[dict[str, Any]] = field(default_factory=list)
    collaborators: list[dict[str, Any]] = field(default_factory=list)
    update_frequency: str = ""
    sources_text: str = ""
    versions: list[Version] = field(default_factory=list)

    @property
    def ref(self) -> str:
        return f"{self.owner}/{self.slug}"

    def is_writer(self, user: str) -> bool:
        """Whether a user owns the dataset or works on it."""
        return bool(user) and (
            user == self.owner or any(c.get("username") == user for c in self.collaborators)
        )


@dataclass
class Variation:
    """What the API calls a model instance; `framework` is the name of a kagglesdk ModelFramework."""

    id: int
    slug: str
    framework: str
    overview: str = ""
    usage: str = ""
    license: str = ""
    fine_tunable: bool = False
    training_data: list[str] = field(default_factory=list)
    instance_type: str = "MODEL_INSTANCE_TYPE_UNSPECIFIED"
    base_model_instance: str = ""
    external_base_model_url: str = ""
    versions: list[Version] = field(default_factory=list)


@dataclass
class Model:
    id: int
    owner: str
    slug: str
    title: str
    created: float
    updated: float
    subtitle: str = ""
    description: str = ""
    is_private: bool = True
    publish_time: float | None = None
    provenance_sources: str = ""
    variations: list[Variation] = field(default_factory=list)

    @property
    def ref(self) -> str:
        return f"{self.owner}/{self.slug}"

    def is_writer(self, user: str) -> bool:
        """Whether a user owns the model."""
        return bool(user) and user == self.owner


@dataclass
class Binding:
    """A source as it was bound when the notebook was saved; `version` is 0 where the kind has none."""

    kind: str
    owner: str
    slug: str
    version: int = 0
    framework: str = ""
    variation: str = ""


@dataclass
class NotebookVersion:
    number: int
    session_id: int
    created: float
    creator: str
    title: str
    language: str
    kernel_type: str
    status: str
    enable_gpu: bool = False
    enable_tpu: bool = False
    enable_internet: bool = True
    machine_shape: str = ""
    docker_image: str = ""
    pinning: str = ""
    keywords: list[str] = field(default_factory=list)
    dataset_sources: list[str] = field(default_factory=list)
    competition_sources: list[str] = field(default_factory=list)
    notebook_sources: list[str] = field(default_factory=list)
    model_sources: list[str] = field(default_factory=list)
    bindings: list[Binding] = field(default_factory=list)
    timeout: int | None = None
    failure_message: str = ""
    started: float | None = None
    finished: float | None = None


@dataclass
class Notebook:
    id: int
    owner: str
    slug: str
    title: str
    is_private: bool
    former_slugs: list[str] = field(default_factory=list)
    versions: list[NotebookVersion] = field(default_factory=list)

    @property
    def ref(self) -> str:
        return f"{self.owner}/{self.slug}"

    def is_writer(self, user: str) -> bool:
        """Whether a user owns the notebook."""
        return bool(user) and user == self.owner


@dataclass
class Submission:
    ref: int
    user: str
    date: float
    file_name: str
    description: str
    notebook: str = ""
    notebook_version: int = 0
    status: str = "PENDING"
    error_description: str = ""
    public_score: str = ""
    private_score: str = ""
    selected: bool = False
    total_bytes: int = 0
    seconds: float = 0.0


@dataclass
class Entry:
    """What the server knows of a competition beyond its folder: who accepted the rules, who has a team, submissions.

    A team is one user; `teams` has its number by his name.
    """

    slug: str
    id: int
    rules_accepted: list[str] = field(default_factory=list)
    rules_refused: list[str] = field(default_factory=list)
    entered: list[str] = field(default_factory=list)
    teams: dict[str, int] = field(default_factory=dict)
    submissions: list[Submission] = field(default_factory=list)


@dataclass
class Token:
    token: str
    user: str
    expires: float | None = None


@dataclass
class Users:
    tokens: list[Token] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)
