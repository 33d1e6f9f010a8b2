"""Every command with its options, in the groups in which `invoke --list` shows them."""

from __future__ import annotations

from kaggle_workflow.command_options import (
    OUTPUT,
    REQUIRED,
    SENDING,
    WAITING,
    Accelerated,
    Asks,
    Command,
    Downloads,
    Json,
    Limited,
    OfNotebook,
    OfVersion,
    Public,
    Runs,
    Sends,
    Submits,
    WithMessage,
    option,
)


class Doctor(Json, runs="doctor:examine"):
    """Check for anything that would block a push, and how to fix it."""


class Check(Json, runs="check:check_workspace", example="--fix"):
    """Validate the whole workspace, without network. --fix repairs it."""

    fix: bool = option("repair what needs no decision of yours; shows each change and asks first")
    yes: bool = option("write the repairs without asking")
    deps: bool = option("also resolve deps/requirements.txt against Kaggle's image; asks the package index")
    no_secret: list[str] = option(
        "mark the finding at this place as not a credential, in .secrets.baseline", []
    )


class Data(OfNotebook, Downloads, Json, runs="data:download", example="--only 'train/*' --sample 10"):
    """Download the competition's files, or the attached sources, to where rehearsal mounts them."""

    only: list[str] = option("files whose name matches, such as 'train/*'", [], "all files")
    sample: int = option("download at most this many files of each folder, and every small table", 0, "all")
    attached: str | bool | None = option(
        "download what the notebook attaches: everything, or the named source",
        None,
        "only the competition",
        bare=True,
    )
    list_: bool = option("list the files and download nothing")


class NewExp(Json, runs="new_exp:start_experiment", example="--from exp001.py --name exp002"):
    """Start an experiment from an earlier one and make it the entry point."""

    from_: str = option("file or folder of codes/ to start from", "", "that of the entry point")
    name_: str = option("name of the new experiment", "", "the next free number")


class NewNotebook(
    Json, runs="new_notebook:add_notebook", example="train --accelerator NvidiaTeslaT4 --internet"
):
    """Make a notebook that trains on Kaggle: its folder, its settings and its entry point."""

    folder: str = option("folder of the new notebook", "train", positional=True)
    accelerator: str = option("accelerator to run on, such as NvidiaTeslaT4, or none", "", "that of sub")
    internet: bool = option("let the notebook use the network")


class Blend(OfNotebook, Sends, runs="blend:make_blend", example="--ref 12345 --ref 12346"):
    """Make an experiment that runs earlier submissions and averages them, and make it the entry point."""

    ref: list[str] = option("submission to blend, such as 12345; at least two are needed", [])
    how: str = option("how to average: mean, weighted or rank (the mean of the ranks)", "mean")
    weights: str = option(
        "weights in the order of the members, such as 2,1,1", "", "equal; fitted for --how weighted"
    )
    target: list[str] = option("column to average", [], "all but the first")
    needs: str = option("all members, or in-time to leave out those that run out of time", "all")
    truth: str = option("truth of the members' oof.csv, for the validation score and fitted weights", "")
    name_: str = option("name of the experiment", "", "blend with the next free number")


class PinImage(OfNotebook, Json, runs="pin_image:pin_image", example="--version 12"):
    """Pin the image of the last good run, for the final week."""

    version: int = option("pin the image of this version's run", 0, "the newest version whose run completed")
    undo: bool = option("remove the pin: use the newest image again")


class Vendor(Json, runs="vendor:store_wheels"):
    """Store the commands and their dependencies as wheels in vendor/, for a machine without the template."""


class Rehearse(OfNotebook, Json, runs="rehearse:rehearse", example="--entry exp002.py"):
    """Run deps and sub on this machine, offline, as Kaggle would."""

    layout: str = option("how inputs are mounted: namespaced or classic", "namespaced")
    entry: str = option("run another entry point, once", "", "workspace.entry in invoke.yaml")
    rerun: bool = option("run as in the scored rerun: files of data/rerun replace the competition's")
    light: bool = option("run on a part of the data: the entry point sees KAGGLE_SHIM_LIGHT=1")
    without: list[str] = option("mount an empty folder for this source", [])
    python: str = option("Python to use instead of Kaggle's image", "", "one that follows deps/image.txt")
    image: str = option(
        "run in this container image, such as gcr.io/kaggle-images/python", "", "no container"
    )
    engine: str = option("container engine, docker or podman", "", "the first that runs")
    require_isolation: bool = option("fail if this machine can't provide the sandbox")
    without_isolation: bool = option("run without the sandbox")
    force: bool = option("collect the wheels again")


class Push(
    OfNotebook,
    WithMessage,
    Accelerated,
    Runs,
    runs="push:push_in_order",
    example='--message "larger model"',
):
    """Push codes, deps and sub in order, each only if it changed."""


class PushCodes(WithMessage, Public, runs="push:push_codes", example="--dry-run"):
    """Push codes/ as a dataset and wait until it is current."""


class PushDeps(Runs, runs="push:push_deps", example="--force"):
    """Run the wheel notebook on Kaggle if what it collects changed."""


class PushSub(OfNotebook, Accelerated, Runs, runs="push:push_sub", example="--notebook sub --no-wait"):
    """Push one notebook and wait for its run."""


class PushModel(Sends, runs="push_files:push_model", example="--exp exp001"):
    """Push weights as a model and attach the new version."""

    exp: str = option("experiment that gives the defaults", "", "that of the entry point")
    path: str = option("folder of the weights", "", "data/working/models/<exp>")
    handle: str = option(
        "owner/model/framework/variation", "", "<username>/<prefix>-models/<framework>/<exp>"
    )
    framework: str = option("framework, as Kaggle names it", "pytorch")
    licence: str = option("licence of a new variation, such as 'Apache 2.0'", "", "not set")
    ignore: list[str] = option("pattern of files that are not uploaded", [], "as last time, '' forgets that")
    from_sweep: str = option(
        "make the model of a sweep's outputs, a folder for each job: s1, s1/best or s1/fold0,fold1", ""
    )
    notebook: str = option("folder of the notebook that attaches the version, '' for none", "sub")
    message: str = option("notes of the new version", "", "the experiment")


class PushDataset(
    Public, runs="push_files:push_dataset", example="--path data/working/features --notebook sub"
):
    """Push any folder, such as weights or features, as a dataset."""

    path: str = option("folder to upload", "", REQUIRED)
    id_: str = option("owner/slug", "", "that of its dataset-metadata.json, or <username>/<prefix>-<folder>")
    notebook: str = option("folder of the notebook that attaches it, such as sub", "")
    message: str = WithMessage.message


class Ship(
    OfNotebook,
    Submits,
    Accelerated,
    Public,
    runs="submit:ship",
    example='--message "larger model" --cv 0.812',
):
    """Push, submit and watch: from a saved file to a score."""

    detach: bool = option("return without waiting for the run and the score; run it again to continue")


class Sweep(
    Asks,
    Limited,
    Json,
    runs="sweep:sweep",
    example="--notebook train --grid fold=0,1,2,3,4 --grid lr=1e-3,3e-4",
):
    """Train with many settings: run a notebook once for each, on Kaggle or here. Without options, show the sweeps."""

    notebook: str = option("folder of the notebook to run", "", "train, or that of --from")
    grid: list[str] = option("a parameter and its values, such as fold=0,1,2; all combinations run", [])
    file: str = option("CSV or YAML file with a job in each row", "")
    from_: str = option("run the jobs of this sweep again, with the codes as they are now", "")
    name_: str = option(
        "name of a new sweep, or the sweep to work on", "", "the next free one, or those that are not over"
    )
    hours: str = option("hours that a job takes, to estimate the cost", "", "as earlier jobs took")
    here: bool = option("run the jobs of a new sweep on this machine, in the sandbox of rehearse")
    jobs: int = option("how many jobs run at once with --here", 1)
    dask: str = option("run the jobs on a Dask cluster: address of its scheduler", "", "not on a cluster")
    detach: bool = option("send what Kaggle takes now and return; --resume sends the rest", group=WAITING)
    resume: bool = option("continue: follow what runs, send what waits or is held")
    recode: bool = option("let the jobs that have not begun or failed run the codes as they are now")
    cancel: bool = option("cancel the jobs that have not begun")
    attach: list[str] = option("attach the outputs of these jobs to a notebook: all, best or names", [])
    to: str = option("with --attach: folder of the notebook that attaches them", "sub")
    pull: list[str] = option(
        "download the outputs of these jobs to where rehearsal mounts them: all, best or names", []
    )
    wait_quota: bool = option("when the quota is used up, wait until it is reset", group=WAITING)
    metric: str = option("number of metrics.json that says which job is best, such as loss:lower", "", "cv")
    mlflow: bool = option("log the jobs that are over to MLflow, where it is installed")


class Submit(
    OfVersion, Submits, Asks, Limited, Json, runs="submit:submit", example="--version 12 --cv 0.812"
):
    """Submit the pushed version."""

    dry_run: bool = option("check everything and submit nothing", group=SENDING)
    force: bool = option("the same as --again", group=SENDING)


class Explain(Command, runs="explain:explain", example="take-over"):
    """Explain a refusal by its name, such as take-over, or list them all."""

    refusal: str = option(
        "name of the refusal, as the message shows it after --allow", "", "list them all", positional=True
    )


class Status(Json, runs="status:show_status"):
    """Show the state of codes, notebooks and quotas on Kaggle."""


class Logs(OfVersion, Json, runs="logs:show_log", example="--version 12"):
    """Show the log of a run on Kaggle, live while it runs."""


class Output(
    OfVersion, Downloads, Json, runs="output:download_output", example="--only '*.csv' --to /tmp/output"
):
    """Download the output of a run on Kaggle."""

    only: list[str] = option("files whose name matches", [], "all files")
    to: str = option("folder to write into", "", "build/output/<notebook>/v<version>")


class Watch(Json, runs="submit:watch", example="--limit 10h"):
    """Follow submissions to their scores."""

    ref: list[str] = option("reference of a submission", [], "all pending ones")
    limit: str = option("stop waiting after this time, such as 10h", "", "the longest possible run")


class Models(Json, runs="models:list_models", example="--model owner/model"):
    """Show variations and versions of the models, with size, date and the submissions that used them."""

    model: list[str] = option(
        "owner/model to show", [], "those that this workspace attaches, pushed or submitted"
    )
    all: bool = option("every model of the account")


class History(Command, runs="history:show_history", example="--sort public --limit 10"):
    """Show what was submitted and how it scored."""

    sort: str = option(
        "sort by time, public, private, cv, rerun or any column of --csv, newest or best first", "time"
    )
    reverse: bool = option("reverse the order")
    filter: list[str] = option(
        "show what matches: name=value (also != < <= > >=), or a text in any column", []
    )
    group: bool = option("one line per experiment")
    cv: bool = option("show whether your CV predicts the public score")
    limit: int = option("number of submissions to show, 0 for all", 50)
    refresh: bool = option(
        "read Kaggle's list first: submissions from the browser and team-mates, private scores"
    )
    reproduce: str = option("restore the files of this submission into build/", "")
    push: bool = option("with --reproduce: push it again")
    yes: bool = option("with --push: answer every question with yes")
    allow: list[str] = option("with --push: override this refusal", [])
    json: bool = option("print everything as JSON", group=OUTPUT)
    csv: bool = option("print everything as CSV", group=OUTPUT)


class Final(Downloads, Json, runs="final:propose", example="--download"):
    """Propose the two final submissions, and say what speaks against each."""

    download: bool = option("download the outputs of your best submissions, to compare their predictions")


class Report(Json, runs="report:write_report", example="--output report.html"):
    """Draw the history: one HTML file that works offline."""

    output: str = option("file to write", "", "build/report.html")


GROUPS: dict[str, tuple[type[Command], ...]] = {
    "prepare": (Doctor, Check, Data, NewExp, NewNotebook, Blend, PinImage, Vendor),
    "run locally": (Rehearse,),
    "train": (Sweep,),
    "push and submit": (Push, PushCodes, PushDeps, PushSub, PushModel, PushDataset, Ship, Submit),
    "inspect": (Explain, Status, Logs, Output, Watch, Models),
    "results": (History, Final, Report),
}
