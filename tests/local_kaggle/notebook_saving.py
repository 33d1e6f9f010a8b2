"""SaveKernel: what it refuses, what it binds, and that it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kagglesdk.kernels.types.kernels_api_service import (
    ApiSaveKernelResponse,
)
from kagglesdk.kernels.types.kernels_enums import KernelExecutionType

from tests.local_kaggle.errors import ApiError, denied
from tests.local_kaggle.listing import in_use
from tests.local_kaggle.names import is_slug, slugify
from tests.local_kaggle.notebooks import ACTIVE
from tests.local_kaggle.quota import hours_used
from tests.local_kaggle.records import Notebook, NotebookVersion
from tests.local_kaggle.sources import (
    GPU_SHAPES,
    TPU_SHAPES,
    bind_competitions,
    bind_datasets,
    bind_models,
    bind_notebooks,
    find,
    uses_gpu,
)
from tests.local_kaggle.store import write_atomic

if TYPE_CHECKING:
    from kagglesdk.kaggle_object import KaggleObject

    from tests.local_kaggle.wire import Reply
    from tests.local_kaggle.world import Caller, Handlers, World


def _failure(sentence: str) -> KaggleObject:
    answer = ApiSaveKernelResponse()
    answer.error = sentence
    return answer


def _find_target(world: World, user: str, request: KaggleObject) -> Notebook | str | None:
    """The notebook that a save means: found by `id` number or slug; None for a new one; a sentence for a refusal.

    "Notebook not found" is Kaggle's wording (kaggle-cli issue 545).
    """
    if request.id:
        notebook = next((n for n in world.store.notebooks.values() if n.id == request.id), None)
        return notebook if notebook and notebook.owner == user else "Notebook not found"
    owner, _, slug = (request.slug or "").rpartition("/")
    if owner and owner != user:
        raise denied("kernels.update")
    return find(world, user, slug)


def _save(world: World, caller: Caller, request: KaggleObject) -> Reply:
    """Saves a version and, unless it is a quick save, runs it.

    The order of the checks is ours. Refusals with an HTTP status: source too large (400 without a reason), a dataset
    whose first version is processing (409), a title that another notebook has (409, Kaggle's sentence in logs of
    users), somebody else's notebook (403). All others come as `error` in a 200. `ref` starts with `/code/`, as in
    published answers.
    """
    user = caller.required()
    if len((request.text or "").encode()) > world.behaviour.source_limit:
        raise ApiError(400, "Bad Request")
    if not request.text:
        return _failure("The notebook's source is empty")
    target = _find_target(world, user, request)
    if isinstance(target, str):
        return _failure(target)
    title = request.new_title or (target.title if target else request.slug.rpartition("/")[2])
    if not 5 <= len(title) <= 50:
        return _failure("The notebook's title must be between 5 and 50 characters")
    slug = _slug(world, request, title, target)
    occupant = world.store.notebooks.get(f"{user}/{slug}")
    taken = in_use(world.store.notebooks.values(), user, title, but=target)
    if not is_slug(slug) or taken or (occupant is not None and occupant is not target):
        raise ApiError(
            409,
            f'The requested title "{title}" is already in use by a notebook. Please choose another title.',
        )
    datasets = bind_datasets(world, user, request.dataset_data_sources)
    notebooks = bind_notebooks(world, user, request.kernel_data_sources)
    models = bind_models(world, user, request.model_data_sources)
    competitions = bind_competitions(world, user, request.competition_data_sources)
    version = _new_version(world, user, request, title, target)
    refusal = _over_limits(world, user, version) if version.status == "QUEUED" else ""
    if refusal:
        return _failure(refusal)
    version.dataset_sources, version.notebook_sources = datasets.kept, notebooks.kept
    version.model_sources, version.competition_sources = models.kept, competitions.kept
    version.bindings = [*datasets.bindings, *notebooks.bindings, *models.bindings, *competitions.bindings]
    notebook = target or Notebook(
        id=world.store.next_id(),
        owner=user,
        slug=slug,
        title=title,
        is_private="is_private" not in request or request.is_private,
    )
    if slug != notebook.slug:
        notebook.former_slugs.append(notebook.slug)
    notebook.slug, notebook.title = slug, title
    if "is_private" in request:
        notebook.is_private = request.is_private
    notebook.versions.append(version)
    write_atomic(world.store.notebook_folder(notebook, version.number) / "source", request.text)
    world.store.save_notebook(notebook)
    if version.status == "QUEUED":
        world.sessions.run_notebook(notebook.id, version.number)
    known = world.behaviour.known_tags
    answer = ApiSaveKernelResponse()
    answer.ref = f"/code/{notebook.ref}"
    answer.error = ""
    answer.url = f"{caller.base}/code/{notebook.ref}"
    answer.version_number = version.number
    answer.kernel_id = notebook.id
    answer.invalid_tags = [
        tag for tag in request.category_ids or [] if known is not None and tag not in known
    ]
    answer.invalid_dataset_sources = datasets.invalid
    answer.invalid_competition_sources = competitions.invalid
    answer.invalid_kernel_sources = notebooks.invalid
    answer.invalid_model_sources = models.invalid
    return answer


def _slug(world: World, request: KaggleObject, title: str, target: Notebook | None) -> str:
    if request.new_title and world.behaviour.title_decides_slug:
        return slugify(title)
    return target.slug if target else (request.slug or "").rpartition("/")[2] or slugify(title)


def _new_version(
    world: World, user: str, request: KaggleObject, title: str, target: Notebook | None
) -> NotebookVersion:
    runs = request.kernel_execution_type in (
        None,
        KernelExecutionType.KERNEL_EXECUTION_TYPE_UNSPECIFIED,
        KernelExecutionType.SAVE_AND_RUN_ALL,
    )
    shape = request.machine_shape or ""
    known_shape = shape if shape in GPU_SHAPES | TPU_SHAPES else ""
    known = world.behaviour.known_tags
    return NotebookVersion(
        number=max((v.number for v in target.versions), default=0) + 1 if target else 1,
        session_id=world.store.next_id(),
        created=world.clock.now(),
        creator=user,
        title=title,
        language=request.language or "python",
        kernel_type=request.kernel_type or "notebook",
        status="QUEUED" if runs else "NEW_SCRIPT",
        enable_gpu=bool(request.enable_gpu),
        enable_tpu=bool(request.enable_tpu) or known_shape in TPU_SHAPES,
        enable_internet="enable_internet" not in request or request.enable_internet,
        machine_shape=known_shape,
        docker_image=request.docker_image or "",
        pinning=request.docker_image_pinning_type or "",
        keywords=[tag for tag in request.category_ids or [] if known is None or tag in known],
        timeout=request.session_timeout_seconds or None,
    )


def _over_limits(world: World, user: str, version: NotebookVersion) -> str:
    """The sentence with which Kaggle refuses another session, or one without hours left; the first one's form is [reports], the second one is ours."""
    gpu = uses_gpu(version)
    if gpu and hours_used(world, user, gpu=True) >= world.behaviour.gpu_hours:
        return f"Maximum weekly GPU quota of {world.behaviour.gpu_hours:.2f} hours reached."
    active = sum(
        1
        for notebook in world.store.notebooks.values()
        for other in notebook.versions
        if other.creator == user and other.status in ACTIVE and uses_gpu(other) == gpu
    )
    limit = world.behaviour.gpu_sessions if gpu else world.behaviour.cpu_sessions
    if active < limit:
        return ""
    return f"Maximum batch {'GPU' if gpu else 'CPU'} session count of {limit} reached."


NOTEBOOK_SAVING: Handlers = {"SaveKernel": _save}
