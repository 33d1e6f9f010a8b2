"""The commands of the user's own: `local_tasks.py`, or a package `local_tasks/`, beside the template's."""

from __future__ import annotations

import copy
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from invoke.collection import Collection

NAME = "local_tasks"


def place(root: Path) -> Path | None:
    """The file that is loaded, None where the workspace has none."""
    return next((path for path in (root / f"{NAME}.py", root / NAME / "__init__.py") if path.is_file()), None)


def load(root: Path) -> ModuleType | None:
    """The user's module, loaded once in a process; None where there is none.

    Raises:
        BaseException: whatever it raises.
    """
    path = place(root)
    if path is None:
        return None
    loaded = sys.modules.get(NAME)
    if loaded is not None and loaded.__file__ == str(path):
        return loaded
    inside = [str(path.parent)] if path.stem == "__init__" else None
    spec = importlib.util.spec_from_file_location(NAME, path, submodule_search_locations=inside)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path.name} can't be loaded")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses, pickles and relative imports look their module up there.
    sys.modules[NAME] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[NAME]
        raise
    return module


def join(ours: Collection, root: Path) -> tuple[str, ...]:
    """Add the user's commands to ours: tasks, aliases, a default, sub-collections and their settings, as invoke reads a tasks.py.

    Returns:
        One sentence for whatever was passed by; a command of ours is never replaced.
    """
    try:
        module = load(root)
        if module is None:
            return ()
        theirs = Collection.from_module(module)
        # invoke looks at the options of every task before it runs one: what it would choke on is told here. (It uses up `help`.)
        copy.deepcopy(theirs).to_contexts()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever is wrong with the user's file, our commands go on working
        said = f"{type(error).__name__}: {error}".splitlines()[0]
        return (f"{NAME} is passed by ({said}): correct it, and its commands are back.",)
    taken = {*ours.tasks, *ours.collections}
    refused = []
    for name, task in theirs.tasks.items():
        aliases = [alias for alias, of in theirs.tasks.aliases.items() if of == name]
        if name in ours.tasks and ours.tasks[name].body is task.body:
            # One of ours that the file imports, such as for `pre`.
            continue
        clashes = taken & {name, *aliases}
        if clashes:
            refused += sorted(clashes)
            continue
        ours.add_task(task, name, aliases=tuple(set(aliases) - set(task.aliases)), default=False)
    for name, collection in theirs.collections.items():
        if name in taken:
            refused.append(name)
        else:
            ours.add_collection(collection, name)
    if theirs.default in {*ours.tasks, *ours.collections} - taken:
        ours.default = theirs.default
    ours.configure(theirs.configuration())
    if not refused:
        return ()
    return (
        f'{NAME}: the template has commands called {", ".join(refused)}, which stay as they are: give yours other names, such as @task(name="my-{refused[0]}").',
    )
