"""Calls about models."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from kaggle_shim.refs import ModelRef
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.kaggle.connection import Connection
from kaggle_workflow.kaggle.values import ModelVersion, RemoteFile

_CLIENT = "models.model_api_client"
_PREFIX = "MODEL_FRAMEWORK_"


class ModelCalls(Connection):
    """Read models, their variations, versions and files."""

    def model_version(self, ref: ModelRef) -> int | None:
        """The newest version of a variation, None when there is none; like `dataset`."""
        what = f"reading the model {ref.name}"
        answer = self._if_there(
            ref.owner, lambda: self._ask(what, f"{_CLIENT}.get_model_instance", **variation_fields(ref))
        )
        return (answer.version_number or None) if answer is not None else None

    def model_files(self, ref: ModelRef) -> tuple[RemoteFile, ...]:
        """Names and sizes of the files of a version; raises NotThere while it is being processed."""
        return tuple(RemoteFile(file.name, file.size or None) for file in self._listed(ref))

    def model_version_facts(self, ref: ModelRef) -> ModelVersion:
        """Size and date of a version, from its list of files; raises NotThere while it is being processed."""
        listed = self._listed(ref)
        dates = [file.creation_date.isoformat() for file in listed if file.creation_date]
        return ModelVersion(len(listed), sum(file.size or 0 for file in listed), max(dates, default=""))

    def _listed(self, ref: ModelRef) -> list[Any]:
        return self._pages(
            f"listing the files of {ref}",
            "files",
            f"{_CLIENT}.list_model_instance_version_files",
            **variation_fields(ref),
            version_number=ref.version,
        )

    def fetch_model_file(self, ref: ModelRef, file: RemoteFile, target: Path) -> None:
        """Download one file of a version, unpacked when Kaggle packed it."""
        from kaggle_workflow.kaggle import fetching

        fetch = partial(self.download_model_file, ref, file.name)
        fetching.fetch(fetching.Item(file.name, target, file.size, fetch))

    def download_model_file(self, ref: ModelRef, name: str, target: Path) -> None:
        """Download one file of a version as Kaggle sends it."""
        method, request = self._filled(
            f"{_CLIENT}.download_model_instance_version",
            **variation_fields(ref),
            version_number=ref.version,
            path=name,
        )
        self._download(f"downloading {name} of {ref}", lambda _: method(request), target)

    def models(self, owner: str) -> tuple[str, ...]:
        """Every model of an account, as `owner/model`."""
        what = f"listing the models of {owner}"
        found = self._pages(what, "models", f"{_CLIENT}.list_models", owner=owner)
        return tuple(model.ref for model in found)

    def model_variations(self, owner: str, model: str) -> tuple[ModelRef, ...]:
        """The variations of a model, each with its newest version; empty when there is no such model."""
        answer = self._model(owner, model)
        return tuple(
            ModelRef(owner, model, framework_name(one.framework), one.slug, one.version_number or None)
            for one in (answer.instances if answer is not None else None) or []
        )

    def model_exists(self, owner: str, model: str) -> bool:
        """Whether the model exists; raises Denied for another account's that this one can't see."""
        return self._model(owner, model) is not None

    def _model(self, owner: str, model: str) -> Any:
        what = f"reading the model {owner}/{model}"
        return self._if_there(
            owner, lambda: self._ask(what, f"{_CLIENT}.get_model", owner_slug=owner, model_slug=model)
        )

    def model_version_numbers(self, ref: ModelRef) -> tuple[int, ...]:
        """Every version of a variation, oldest first."""
        found: list[int] = []
        for answer in self._answers(
            f"listing the versions of {ref.name}",
            f"{_CLIENT}.list_model_instance_versions",
            **variation_fields(ref),
        ):
            # This answer nests its list.
            listed = answer.version_list.versions if answer.version_list else []
            found += [int(one.version_number) for one in listed or []]
        return tuple(sorted(found))


def framework(name: str) -> Any:
    """Kagglesdk's enum member for a framework, however it is written (`PyTorch`, `pytorch`); raises WorkflowError for an unknown one."""
    from kagglesdk.models.types.model_enums import ModelFramework

    known = {framework_name(member): member for member in ModelFramework}
    wanted = name.replace("-", "").replace("_", "").lower()
    if wanted not in known or wanted == "unspecified":
        raise WorkflowError(
            f"{name!r} is not a framework of Kaggle's models: write one of {', '.join(sorted(set(known) - {'unspecified'}))}."
        )
    return known[wanted]


def framework_name(member: Any) -> str:
    """The framework as handles and mounts write it: `pytorch` for `MODEL_FRAMEWORK_PY_TORCH`."""
    return str(member.name).removeprefix(_PREFIX).replace("_", "").lower()


def variation_fields(ref: ModelRef) -> dict[str, Any]:
    """Fields of a request that name a variation."""
    return {
        "owner_slug": ref.owner,
        "model_slug": ref.model,
        "instance_slug": ref.variation,
        "framework": framework(ref.framework),
    }
