"""The commands of this workspace. `invoke --list` shows them, `invoke --help NAME` explains one.

This file belongs to the template and is replaced by `copier update`; commands of your own go into `local_tasks.py`.
"""

import sys
from pathlib import Path
from typing import Any

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

# invoke keeps no compiled modules unless asked (`--write-pyc`), and compiling ours takes longer than most commands.
sys.dont_write_bytecode = bool(sys.flags.dont_write_bytecode)

ROOT = Path(__file__).resolve().parent


def _run(name: str, **options: Any) -> None:
    try:
        from kaggle_workflow.command import run

        run(ROOT, name, **options)
    except (ImportError, SyntaxError) as error:
        raise _mixed(error) from error


def _mixed(error: Exception) -> Exit:
    """What is told when parts of the template are missing or do not fit each other; nothing here may need them."""
    answers = next((path.name for path in sorted(ROOT.glob(".copier-answers*.yml"))), ".copier-answers.yml")
    reason = str(error).partition(" (/")[0].splitlines()[0]
    return Exit(
        f"error: tasks.py, workflow/ and shim/ are not of one version ({reason}): an update broke off or was merged by hand; run "
        f"`git checkout HEAD -- {answers} tasks.py workflow shim && git clean -fdq workflow shim`, then copier update.",
        code=2,
    )


@task(
    help={
        "fix": "repair what needs no decision of yours; shows each change and asks",
        "yes": "write the repairs unasked",
        "no-secret": "what is found at this place is no credential: note that in .secrets.baseline (may be repeated)",
        "json": "print the findings, or the repairs, as JSON",
    },
    iterable=["no_secret"],
)
def check(
    _context: Context,
    fix: bool = False,
    yes: bool = False,
    no_secret: list[str] | None = None,
    json: bool = False,
) -> None:
    """Validate the whole workspace, without network; --fix repairs."""
    _run("check", fix=fix, yes=yes, no_secret=no_secret or [], json=json)


@task(
    help={
        "notebook": "folder of the notebook whose sources are meant (default: sub)",
        "only": "files whose name matches, such as 'train/*' (may be repeated)",
        "sample": "only so many files of each folder, and every small table",
        "attached": "what the notebook attaches, in place of the competition: all of it, or the one source named",
        "list": "list and fetch nothing",
        "yes": "fetch more than 5 GB unasked",
        "allow": "overrule a refusal by its name (may be repeated)",
        "json": "print what was fetched as JSON",
    },
    iterable=["only", "allow"],
    optional=["attached"],
)
def data(
    _context: Context,
    notebook: str = "sub",
    only: list[str] | None = None,
    sample: int = 0,
    attached: str | None = None,
    list_: bool = False,
    yes: bool = False,
    allow: list[str] | None = None,
    json: bool = False,
) -> None:
    """Download the competition's files, or what is attached, to where rehearsal mounts them."""
    _run(
        "data",
        notebook=notebook,
        only=only or [],
        sample=sample,
        attached=attached,
        list_=list_,
        yes=yes,
        allow=allow or [],
        json=json,
    )


@task(default=True)
def commands(_context: Context) -> None:
    """List the commands by what one does with them, as `invoke` alone and `invoke --list` do."""
    print(_listed())


@task(help={"json": "print it as JSON"})
def doctor(_context: Context, json: bool = False) -> None:
    """Say what could stop you, and the one thing to do about each."""
    _run("doctor", json=json)


@task(
    help={
        "sort": "time (default), public, private, cv, rerun, or any column of --csv; the newest or best first",
        "reverse": "the other way round",
        "filter": "name=value (also != < <= > >=), or a text that is looked for everywhere; may be repeated",
        "group": "one line per experiment",
        "limit": "how many to show (default: 50, 0 for all)",
        "refresh": "first take in what Kaggle lists: browser, team-mates, private scores",
        "reproduce": "bring what this submission was made of back into build/",
        "push": "with --reproduce: push it again",
        "yes": "with --push: answer what is asked with yes",
        "allow": "with --push: overrule a refusal by its name (may be repeated)",
        "json": "print everything as JSON",
        "csv": "print everything as CSV",
    },
    iterable=["filter_", "allow"],
)
def history(
    _context: Context,
    sort: str = "time",
    reverse: bool = False,
    filter_: list[str] | None = None,
    group: bool = False,
    limit: int = 50,
    refresh: bool = False,
    reproduce: str = "",
    push: bool = False,
    yes: bool = False,
    allow: list[str] | None = None,
    json: bool = False,
    csv: bool = False,
) -> None:
    """Show what was submitted and what came of it."""
    if reproduce:
        _run("reproduce", ref=reproduce, push=push, yes=yes, allow=allow or [], json=json)
        return
    _run(
        "history",
        sort=sort,
        reverse=reverse,
        filters=filter_ or [],
        group=group,
        limit=limit,
        refresh=refresh,
        json=json,
        csv=csv,
    )


@task(
    help={
        "notebook": "folder of the notebook (default: sub)",
        "version": "which version (default: the newest)",
        "json": "print the log as JSON",
    }
)
def logs(_context: Context, notebook: str = "sub", version: int = 0, json: bool = False) -> None:
    """Show the log of a run on Kaggle, live while it goes on."""
    _run("logs", notebook=notebook, version=version, json=json)


@task(
    help={
        "model": "owner/model to show (may be repeated; default: those that this workspace attaches, pushed or submitted)",
        "all": "every model of the account",
        "json": "print it as JSON",
    },
    iterable=["model"],
)
def models(_context: Context, model: list[str] | None = None, all_: bool = False, json: bool = False) -> None:
    """Show variations and versions of the models, with size, date and the submissions that used them."""
    _run("models", model=model or [], everything=all_, json=json)


@task(
    help={
        "from": "file or folder of codes/ to start from (default: the entry point's)",
        "name": "name of the new one (default: the next free number)",
        "json": "print what was done as JSON",
    }
)
def new_exp(_context: Context, from_: str = "", name: str = "", json: bool = False) -> None:
    """Start an experiment from an earlier one and make it the entry point."""
    _run("new-exp", source=from_, new_name=name, json=json)


@task(
    help={
        "notebook": "folder of the notebook (default: sub)",
        "version": "which version (default: the newest)",
        "only": "files whose name matches (may be repeated)",
        "to": "folder to write into (default: build/output/<notebook>/v<version>)",
        "yes": "fetch more than 5 GB unasked",
        "allow": "overrule a refusal by its name (may be repeated)",
        "json": "print what was fetched as JSON",
    },
    iterable=["only", "allow"],
)
def output(
    _context: Context,
    notebook: str = "sub",
    version: int = 0,
    only: list[str] | None = None,
    to: str = "",
    yes: bool = False,
    allow: list[str] | None = None,
    json: bool = False,
) -> None:
    """Download what a run on Kaggle left."""
    _run(
        "output",
        notebook=notebook,
        version=version,
        only=only or [],
        to=to,
        yes=yes,
        allow=allow or [],
        json=json,
    )


@task(
    help={
        "notebook": "folder of the notebook (default: sub)",
        "version": "pin the image of this version's run (default: the newest version whose run completed)",
        "undo": "follow the newest image again",
        "json": "print what was done as JSON",
    }
)
def pin_image(
    _context: Context, notebook: str = "sub", version: int = 0, undo: bool = False, json: bool = False
) -> None:
    """Pin the image of the last good run, for the final week."""
    _run("pin-image", notebook=notebook, version=version, undo=undo, json=json)


_SEND = {
    "dry-run": "list what would be sent, with sizes",
    "force": "send although nothing changed",
    "yes": "answer what is asked with yes",
    "allow": "overrule a refusal by its name (may be repeated)",
    "limit": "give up a wait after this time, such as 30m",
    "json": "print what was done as JSON",
}
_RUN = {
    "notebook": "folder of the notebook to push (default: sub)",
    "no-wait": "leave when Kaggle has it, without waiting for the run",
    "accelerator": "in place of the metadata's, such as NvidiaTeslaT4",
    "public": "what the metadata calls public may be public",
}


@task(
    help={
        "message": "notes of the new version of the codes (default: subject of the commit)",
        **_RUN,
        **_SEND,
    },
    iterable=["allow"],
)
def push(
    _context: Context,
    notebook: str = "sub",
    message: str = "",
    accelerator: str = "",
    no_wait: bool = False,
    public: bool = False,
    dry_run: bool = False,
    force: bool = False,
    yes: bool = False,
    allow: list[str] | None = None,
    limit: str = "",
    json: bool = False,
) -> None:
    """Push codes, deps and sub in order, each only if it changed."""
    _run(
        "push",
        notebook=notebook,
        message=message,
        accelerator=accelerator,
        wait=not no_wait,
        public=public,
        dry_run=dry_run,
        force=force,
        yes=yes,
        allow=allow or [],
        limit=limit,
        json=json,
    )


@task(
    help={
        "message": "notes of the new version (default: subject of the commit)",
        "public": _RUN["public"],
        **_SEND,
    },
    iterable=["allow"],
)
def push_codes(
    _context: Context,
    message: str = "",
    public: bool = False,
    dry_run: bool = False,
    force: bool = False,
    yes: bool = False,
    allow: list[str] | None = None,
    limit: str = "",
    json: bool = False,
) -> None:
    """Push codes/ as a dataset and wait until it is current."""
    _run(
        "push-codes",
        message=message,
        public=public,
        dry_run=dry_run,
        force=force,
        yes=yes,
        allow=allow or [],
        limit=limit,
        json=json,
    )


@task(
    help={
        "path": "the folder",
        "id": "owner/slug (default: that of its dataset-metadata.json, or <username>/<prefix>-<folder>)",
        "message": "notes of the new version",
        "public": _RUN["public"],
        **_SEND,
    },
    iterable=["allow"],
)
def push_dataset(
    _context: Context,
    path: str = "",
    id_: str = "",
    message: str = "",
    public: bool = False,
    dry_run: bool = False,
    force: bool = False,
    yes: bool = False,
    allow: list[str] | None = None,
    limit: str = "",
    json: bool = False,
) -> None:
    """Push any folder, such as weights or features, as a dataset."""
    _run(
        "push-dataset",
        path=path,
        id_=id_,
        message=message,
        public=public,
        dry_run=dry_run,
        force=force,
        yes=yes,
        allow=allow or [],
        limit=limit,
        json=json,
    )


@task(help={"no-wait": _RUN["no-wait"], "public": _RUN["public"], **_SEND}, iterable=["allow"])
def push_deps(
    _context: Context,
    no_wait: bool = False,
    public: bool = False,
    dry_run: bool = False,
    force: bool = False,
    yes: bool = False,
    allow: list[str] | None = None,
    limit: str = "",
    json: bool = False,
) -> None:
    """Run the wheel notebook on Kaggle when what it collects changed."""
    _run(
        "push-deps",
        wait=not no_wait,
        public=public,
        dry_run=dry_run,
        force=force,
        yes=yes,
        allow=allow or [],
        limit=limit,
        json=json,
    )


@task(
    help={
        "exp": "experiment that gives the defaults (default: that of the entry point)",
        "path": "folder of the weights (default: data/working/models/<exp>)",
        "handle": "owner/model/framework/variation (default: <username>/<prefix>-models/<framework>/<exp>)",
        "framework": "as Kaggle names it (default: pytorch)",
        "licence": "licence of a variation that is made, such as 'Apache 2.0'",
        "ignore": "pattern of what stays here (may be repeated)",
        "notebook": "folder of the notebook that gets the version (default: sub; '' for none)",
        "message": "notes of the new version (default: the experiment)",
        **_SEND,
    },
    iterable=["allow", "ignore"],
)
def push_model(
    _context: Context,
    exp: str = "",
    path: str = "",
    handle: str = "",
    framework: str = "pytorch",
    licence: str = "",
    ignore: list[str] | None = None,
    notebook: str = "sub",
    message: str = "",
    dry_run: bool = False,
    force: bool = False,
    yes: bool = False,
    allow: list[str] | None = None,
    limit: str = "",
    json: bool = False,
) -> None:
    """Push weights as a model and attach the new version."""
    _run(
        "push-model",
        exp=exp,
        path=path,
        handle=handle,
        framework=framework,
        licence=licence,
        ignore=ignore or [],
        notebook=notebook,
        message=message,
        dry_run=dry_run,
        force=force,
        yes=yes,
        allow=allow or [],
        limit=limit,
        json=json,
    )


@task(help={**_RUN, **_SEND}, iterable=["allow"])
def push_sub(
    _context: Context,
    notebook: str = "sub",
    accelerator: str = "",
    no_wait: bool = False,
    public: bool = False,
    dry_run: bool = False,
    force: bool = False,
    yes: bool = False,
    allow: list[str] | None = None,
    limit: str = "",
    json: bool = False,
) -> None:
    """Push one notebook and wait for its run."""
    _run(
        "push-sub",
        notebook=notebook,
        accelerator=accelerator,
        wait=not no_wait,
        public=public,
        dry_run=dry_run,
        force=force,
        yes=yes,
        allow=allow or [],
        limit=limit,
        json=json,
    )


@task(
    help={
        "notebook": "folder of the notebook to run (default: sub)",
        "layout": "how inputs are mounted: namespaced (default) or classic",
        "entry": "another entry point, for this once",
        "rerun": "as in the scored rerun: data/rerun is laid over the competition's files",
        "without": "mount an empty folder for this source (may be repeated)",
        "python": "interpreter that stands for Kaggle's image",
        "image": "run in this image of a container engine, such as gcr.io/kaggle-images/python",
        "engine": "docker or podman (default: the first that answers)",
        "require-isolation": "fail where this machine can't give the sandbox",
        "without-isolation": "run without the sandbox, as on a machine that has none",
        "force": "collect the wheels again",
        "json": "print the result as JSON",
    },
    iterable=["without"],
)
def rehearse(
    _context: Context,
    notebook: str = "sub",
    layout: str = "namespaced",
    entry: str = "",
    rerun: bool = False,
    without: list[str] | None = None,
    python: str = "",
    image: str = "",
    engine: str = "",
    require_isolation: bool = False,
    without_isolation: bool = False,
    force: bool = False,
    json: bool = False,
) -> None:
    """Run deps and sub on this machine, offline, as Kaggle would."""
    _run(
        "rehearse",
        notebook=notebook,
        layout=layout,
        entry=entry,
        rerun=rerun,
        without=without or [],
        python=python,
        image=image,
        engine=engine,
        require_isolation=require_isolation,
        without_isolation=without_isolation,
        force=force,
        json=json,
    )


@task(help={"output": "file to write (default: build/report.html)", "json": "print what was written as JSON"})
def report(_context: Context, output: str = "", json: bool = False) -> None:
    """Draw the history: one HTML file that works offline."""
    _run("report", output=output, json=json)


_SUBMIT = {
    "again": "submit a version that was submitted before",
    "message": "description of the submission (default: entry point and subject of the commit)",
    "cv": "its score in validation, such as 0.812 (default: cv of metrics.json beside the weights)",
    "hidden-rows": "rows of the hidden test, for the estimate of the rerun",
}


@task(
    help={
        "notebook": _RUN["notebook"],
        "detach": "wait for no run and no score; run it again to go on",
        "accelerator": _RUN["accelerator"],
        "public": _RUN["public"],
        **_SUBMIT,
        **_SEND,
    },
    iterable=["allow"],
)
def ship(
    _context: Context,
    notebook: str = "sub",
    detach: bool = False,
    again: bool = False,
    message: str = "",
    cv: str = "",
    hidden_rows: int = 0,
    accelerator: str = "",
    public: bool = False,
    dry_run: bool = False,
    force: bool = False,
    yes: bool = False,
    allow: list[str] | None = None,
    limit: str = "",
    json: bool = False,
) -> None:
    """Push, submit and watch: from a saved file to a score."""
    _run(
        "ship",
        notebook=notebook,
        detach=detach,
        again=again,
        message=message,
        cv=cv,
        hidden_rows=hidden_rows,
        accelerator=accelerator,
        public=public,
        dry_run=dry_run,
        force=force,
        yes=yes,
        allow=allow or [],
        limit=limit,
        json=json,
    )


@task(help={"json": "print it as JSON"})
def status(_context: Context, json: bool = False) -> None:
    """Show how codes and notebooks stand on Kaggle."""
    _run("status", json=json)


@task(
    help={
        "notebook": "folder of the notebook (default: sub)",
        "version": "which version (default: the newest)",
        **_SUBMIT,
        **{name: _SEND[name] for name in ("yes", "allow", "limit", "json")},
        "dry-run": "look at everything and submit nothing",
        "force": "the same as --again",
    },
    iterable=["allow"],
)
def submit(
    _context: Context,
    notebook: str = "sub",
    version: int = 0,
    again: bool = False,
    message: str = "",
    cv: str = "",
    hidden_rows: int = 0,
    dry_run: bool = False,
    force: bool = False,
    yes: bool = False,
    allow: list[str] | None = None,
    limit: str = "",
    json: bool = False,
) -> None:
    """Submit the pushed version."""
    _run(
        "submit",
        notebook=notebook,
        version=version,
        again=again,
        message=message,
        cv=cv,
        hidden_rows=hidden_rows,
        dry_run=dry_run,
        force=force,
        yes=yes,
        allow=allow or [],
        limit=limit,
        json=json,
    )


@task(
    help={
        "ref": "a submission's reference (may be repeated; default: all of this workspace that are in flight)",
        "limit": "give up after this time, such as 10h; running it again goes on",
        "json": "print how they ended as JSON",
    },
    iterable=["ref"],
)
def watch(_context: Context, ref: list[str] | None = None, limit: str = "", json: bool = False) -> None:
    """Follow submissions to their scores."""
    _run("watch", ref=ref or [], limit=limit, json=json)


def _program() -> Any:
    """Invoke's running program; None when this file is imported by another one."""
    return getattr(sys.modules.get("invoke.main"), "program", None)


def _listed() -> str:
    from kaggle_workflow import overview

    return overview.text(getattr(_program(), "collection", None) or namespace)


def _group_the_list() -> None:
    """Let `invoke --list` print what `invoke` alone does; of a part of it (`--list NAME`, `--list-depth`), what invoke prints."""
    program = _program()
    by_name = getattr(program, "list_flat", None)
    if by_name is None:
        return

    def list_flat() -> None:
        if program.list_root or program.list_depth:
            by_name()
        else:
            print(_listed())

    program.list_flat = list_flat


def _collection() -> Collection:
    collection = Collection(
        check,
        commands,
        data,
        doctor,
        history,
        logs,
        models,
        new_exp,
        output,
        pin_image,
        push,
        push_codes,
        push_dataset,
        push_deps,
        push_model,
        push_sub,
        rehearse,
        report,
        ship,
        status,
        submit,
        watch,
    )
    # An update that broke off is told here, since nothing below would run.
    try:
        from kaggle_workflow import overview, own_commands  # noqa: F401 - the list below must not be what finds a fault
        from kaggle_workflow.command import validate

        validate(ROOT)
        told = own_commands.join(collection, ROOT)
    except (ImportError, SyntaxError, AttributeError, TypeError) as error:
        raise _mixed(error) from error
    for sentence in told:
        print(f"warning: {sentence}", file=sys.stderr)
    return collection


namespace = _collection()
_group_the_list()
