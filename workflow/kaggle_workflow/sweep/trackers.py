"""Log the jobs of sweeps to MLflow, by the package that the user has.

Not by its files: MLflow 3.13 refuses the file store unless MLFLOW_ALLOW_FILE_STORE is set
(https://mlflow.org/docs/latest/self-hosting/migrate-from-file-store), and the package knows the user's server.
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Sequence
from typing import Any

from kaggle_shim import local
from kaggle_workflow import console
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.ledger.event import COMPLETE
from kaggle_workflow.ledger.jobs import OVER, Job
from kaggle_workflow.workspace import Workspace

_TAG = "kaggle_workflow.job"
_MILLISECONDS = 1000
# What MLflow refuses in a metric's name.
_FORBIDDEN = re.compile(r"[^\w./ -]")


def log_to_mlflow(workspace: Workspace, jobs: Sequence[Job]) -> str:
    """Log each job that ran and is over as a run of MLflow, unless it is there; returns a sentence about it.

    The experiment is the one that MLFLOW_EXPERIMENT_NAME names, else the competition; the server that of MLFLOW_TRACKING_URI.

    Raises:
        WorkflowError: MLflow is not installed, or its server refuses or does not answer.
    """
    root = workspace.root
    experiment = os.environ.get("MLFLOW_EXPERIMENT_NAME") or local.competition(root) or root.name
    try:
        mlflow = importlib.import_module("mlflow")
        entities = importlib.import_module("mlflow.entities")
    except ImportError as error:
        raise WorkflowError(
            f"--mlflow needs the package mlflow ({error}): run `uv run --with mlflow invoke sweep --mlflow`."
        ) from error
    try:
        place = mlflow.set_experiment(experiment).experiment_id
        client = mlflow.MlflowClient()
        ran = [job for job in jobs if job.status in OVER and job.began is not None]
        count = sum(_log(client, entities, place, job) for job in ran)
    except mlflow.exceptions.MlflowException as error:
        raise WorkflowError(f"MLflow: {error}") from error
    return f"MLflow's experiment {experiment}: {console.count(count, 'new run')}."


def _log(client: Any, entities: Any, experiment: str, job: Job) -> bool:
    """Log a job's last run; returns whether it had to be. One that was cut off while it was logged is completed."""
    identity = f"{job.ref}#{job.attempt}"
    began = round((job.began or 0) * _MILLISECONDS)
    ended = began + round((job.seconds or 0) * _MILLISECONDS)
    found = client.search_runs([experiment], f"tags.`{_TAG}` = '{identity}'")
    if found and found[0].info.status != "RUNNING":
        return False
    tags = {
        _TAG: identity,
        "sweep": job.sweep,
        "notebook": f"{job.ref}/{job.version or ''}",
        "codes": job.codes.fingerprint or "",
        "machine_shape": job.machine_shape,
        "error": job.reason,
    }
    run = found[0] if found else client.create_run(experiment, began, tags, job.key)
    client.log_batch(
        run.info.run_id,
        metrics=[
            entities.Metric(_FORBIDDEN.sub("_", name), value, ended, 0) for name, value in job.metrics.items()
        ],
        params=[entities.Param(name, value) for name, value in job.parameters.items()],
    )
    client.set_terminated(run.info.run_id, "FINISHED" if job.status == COMPLETE else "FAILED", ended)
    return True
