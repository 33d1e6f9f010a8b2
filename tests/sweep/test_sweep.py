"""`invoke sweep` on Kaggle: each job once, as many at a time as Kaggle takes, whatever happens on the way."""

from __future__ import annotations

import json
import shutil

from kaggle_workflow.push.intents import Intents
from kaggle_workflow.sweep import starting
from tests.local_kaggle import faults
from tests.sweep.conftest import Cluster

GRID = ("--grid", "fold=0,1,2", "--grid", "lr=1e-3,3e-4", "--yes")


def test_a_grid_runs_each_job_once_and_keeps_its_metrics(cluster: Cluster) -> None:
    cluster.scene.kaggle.behave(cpu_sessions=2)
    said = cluster.sweep(*GRID)
    jobs = cluster.jobs()
    assert [job.status for job in jobs.values()] == ["complete"] * 6, said
    assert jobs["fold2-lr3e-4"].metrics == {"cv": 0.2}
    assert jobs["fold2-lr3e-4"].parameters == {"fold": "2", "lr": "3e-4"}
    assert set(cluster.versions().values()) == {1}
    assert len(cluster.versions()) == 6
    assert len(cluster.training.given) == 6
    assert len({job.codes.fingerprint for job in jobs.values()}) == 1
    assert "s1: 6 complete" in said


def test_what_will_run_is_said_and_asked_before_anything_is_sent(cluster: Cluster) -> None:
    said = cluster.sweep("--grid", "fold=" + ",".join(map(str, range(1000))), "--hours", "2", code=2)
    assert "1000 jobs of train will run on Kaggle, about 2000.0 h together" in said
    assert "--allow sweep" in said
    assert cluster.scene.sends() == 0
    assert not (cluster.root / "ledger.jsonl").exists()


def test_the_question_of_a_sweep_can_be_allowed_once_for_all(cluster: Cluster) -> None:
    push = cluster.scene.push(allow=frozenset(["sweep"]))
    assert starting.start(push, starting.Request("train", [{"fold": "0"}])) == "s1"
    assert push.overruled == ["sweep"]


def test_kaggles_own_failure_is_tried_again_and_the_users_is_not(cluster: Cluster) -> None:
    hiccup = faults.run("fail", match={"slug": "cmi-train-s1-fold0"}, times=1)
    cluster.scene.kaggle.fault(hiccup)
    cluster.training.fail = lambda given: (
        "ZeroDivisionError: division by zero" if given["fold"] == "1" else None
    )
    said = cluster.sweep("--grid", "fold=0,1,2", "--yes", code=4)
    assert cluster.versions() == {
        "tester/cmi-train-s1-fold0": 2,
        "tester/cmi-train-s1-fold1": 1,
        "tester/cmi-train-s1-fold2": 1,
    }, said
    assert cluster.jobs()["fold1"].reason == "ZeroDivisionError: division by zero"
    assert "s1: 1 failed; fold1: ZeroDivisionError" in said


def test_after_three_equal_failures_the_rest_is_held_until_the_codes_are_right(cluster: Cluster) -> None:
    cluster.scene.kaggle.behave(cpu_sessions=1)
    cluster.training.seconds = 0.5
    sentence = "The entry point train.py --fold={} failed after 1.{} s, exit code 1: NameError: name 'x' is not defined\n  | begins"
    cluster.training.fail = lambda given: sentence.format(given["fold"], given["fold"])
    said = cluster.sweep("--grid", "fold=0,1,2,3,4,5", "--yes", code=4)
    states = [job.status for job in cluster.jobs().values()]
    # A fourth may have begun before the third was looked at.
    assert states in (["error"] * 3 + ["held"] * 3, ["error"] * 4 + ["held"] * 2), said
    assert "3 jobs failed with the same error (NameError: name 'x' is not defined)" in said
    cluster.training.fail = lambda _: None
    cluster.scene.edit()
    cluster.sweep("--recode", "--yes")
    assert {job.status for job in cluster.jobs().values()} == {"complete"}


def test_codes_that_change_during_a_sweep_hold_what_has_not_begun(cluster: Cluster) -> None:
    cluster.scene.kaggle.behave(cpu_sessions=1)
    cluster.scene.kaggle.world.sessions.hold()
    cluster.sweep("--grid", "fold=0,1", "--yes", "--detach")
    assert [job.status for job in cluster.jobs().values()] == ["running", "waiting"]
    cluster.scene.edit()
    # What is edited here is of no matter to the sweep; what Kaggle has by now is.
    cluster.scene.codes()
    cluster.scene.kaggle.world.sessions.release()
    said = cluster.sweep("--resume", code=4)
    assert "cmi-codes has other codes by now" in said
    assert [job.status for job in cluster.jobs().values()] == ["complete", "held"]
    assert cluster.versions() == {"tester/cmi-train-s1-fold0": 1}


def test_a_used_up_quota_is_named_with_the_time_of_its_reset(cluster: Cluster) -> None:
    about = cluster.root / "train/kernel-metadata.json"
    value = json.loads(about.read_text(encoding="utf-8")) | {"enable_gpu": True}
    about.write_text(json.dumps(value), encoding="utf-8")
    cluster.scene.kaggle.behave(gpu_hours=0)
    said = cluster.sweep("--grid", "fold=0,1", "--yes", code=3)
    assert "quota of 0.00 hours reached" in said
    assert "It is reset at 2" in said
    assert {job.status for job in cluster.jobs().values()} == {"waiting"}


def test_cancel_stops_what_has_not_begun_and_links_what_runs(cluster: Cluster) -> None:
    cluster.scene.kaggle.behave(cpu_sessions=1)
    cluster.scene.kaggle.world.sessions.hold()
    cluster.sweep("--grid", "fold=0,1,2", "--yes", "--detach")
    said = cluster.sweep("--cancel")
    assert "s1: 2 jobs cancelled." in said
    assert "s1/fold0 is running: to stop it, open" in said
    cluster.scene.kaggle.world.sessions.release()
    cluster.sweep("--resume")
    assert [job.status for job in cluster.jobs().values()] == ["complete", "cancelled", "cancelled"]


def test_bad_input_is_one_sentence_and_sends_nothing(cluster: Cluster) -> None:
    (cluster.root / "jobs.csv").write_text("fold,lr\n0,1\n0,1\n", encoding="utf-8")
    (cluster.root / "twice.csv").write_text("lr,lr\n0,1\n", encoding="utf-8")
    (cluster.root / "jobs.yaml").write_text("- fold: [0]\n", encoding="utf-8")
    cases = {
        ("--grid", "fold"): "--grid fold has no values",
        ("--grid", "name=1"): "The parameter name would replace SWEEP_NAME",
        ("--grid", "a/b=1"): "The parameter 'a/b' can't be an option",
        ("--grid", "lr=1,,2"): "--grid lr=1,,2 has an empty value",
        ("--grid", "l.r=1", "--grid", "l-r=1"): "Two parameters would share the variable SWEEP_L_R",
        ("--file", "twice.csv"): "twice.csv has two columns of one name",
        ("--file", "jobs.csv"): "Two jobs are equal (fold=0 lr=1)",
        ("--file", "jobs.yaml"): "[0] is not a single value",
        ("--file", "none.csv"): "none.csv can't be read",
        ("--grid", "fold=0", "--name", "Öl"): "--name Öl can't be used",
        ("--grid", "fold=0", "--hours", "-1"): "--hours -1 is no number of hours",
        ("--grid", "fold=0", "--notebook", "nowhere"): "nowhere is not a notebook's folder",
        ("--resume", "--name", "s9"): "The ledger has no sweep s9",
    }
    for words, sentence in cases.items():
        assert sentence in cluster.sweep(*words, code=2), words
    assert cluster.scene.sends() == 0


def test_somebody_elses_notebook_in_the_way_is_named_before_anything_is_sent(cluster: Cluster) -> None:
    cluster.sweep("--grid", "fold=0", "--yes")
    (cluster.root / "ledger.jsonl").unlink()
    sent = cluster.scene.sends()
    said = cluster.sweep("--grid", "fold=0", "--yes", code=2)
    assert "The notebook tester/cmi-train-s1-fold0 exists already" in said
    assert cluster.scene.sends() == sent


def test_a_notebook_that_is_gone_fails_its_job_alone(cluster: Cluster) -> None:
    cluster.scene.kaggle.world.sessions.hold()
    cluster.sweep("--grid", "fold=0,1", "--yes", "--detach")
    # As if it was deleted on the site.
    del cluster.scene.kaggle.world.store.notebooks["tester/cmi-train-s1-fold0"]
    cluster.scene.kaggle.world.sessions.release()
    said = cluster.sweep("--resume", code=4)
    assert [job.status for job in cluster.jobs().values()] == ["error", "complete"], said


def test_a_team_mates_sweep_is_left_alone(cluster: Cluster) -> None:
    cluster.scene.kaggle.world.sessions.hold()
    cluster.sweep("--grid", "fold=0,1", "--yes", "--detach")
    token = cluster.scene.kaggle.environment("mate")["KAGGLE_API_TOKEN"]
    said = cluster.sweep("--resume", code=2, KAGGLE_API_TOKEN=token)
    assert "s1 belongs to tester, and your credentials are those of mate" in said
    assert {job.status for job in cluster.jobs().values()} == {"running"}


def test_what_kaggle_refuses_holds_the_rest(cluster: Cluster) -> None:
    cluster.scene.kaggle.behave(cpu_sessions=1)
    cluster.scene.kaggle.fault(faults.answer("SaveKernel", {"error": "Phone verification is needed"}))
    said = cluster.sweep("--grid", "fold=0,1,2", "--yes", code=4)
    assert [job.status for job in cluster.jobs().values()] == ["error", "held", "held"], said
    assert "Phone verification is needed" in said


def test_a_full_accelerator_leaves_the_others_free(cluster: Cluster) -> None:
    scene = cluster.scene
    scene.kaggle.behave(gpu_sessions=1)
    scene.kaggle.world.sessions.hold()
    scene.metadata("train", enable_gpu=True)
    cluster.sweep("--grid", "fold=0,1", "--yes", "--detach")
    other = scene.root / "small"
    shutil.copytree(scene.root / "train", other)
    scene.metadata("small", id="tester/cmi-small", title="cmi-small", enable_gpu=False)
    settings = scene.root / "invoke.yaml"
    more = '    small:\n      entry: train.py\n      submission: ""\n'
    settings.write_text(settings.read_text(encoding="utf-8") + more, encoding="utf-8")
    cluster.sweep("--grid", "fold=0,1", "--yes", "--detach", "--notebook", "small")
    cluster.sweep("--resume", "--detach")
    assert [job.status for job in cluster.jobs().values()] == ["running", "waiting"]
    assert [job.status for job in cluster.jobs("s2").values()] == ["running", "running"]


def test_the_same_line_again_continues_and_from_starts_anew(cluster: Cluster) -> None:
    cluster.scene.kaggle.world.sessions.hold()
    cluster.sweep("--grid", "fold=0,1", "--yes", "--detach")
    said = cluster.sweep("--grid", "fold=0,1", "--yes", "--detach")
    assert "s1 has these jobs and is not over: it continues with its codes" in said
    assert len(cluster.versions()) == 2
    cluster.sweep("--from", "s1", "--yes", "--detach")
    assert list(cluster.jobs("s2")) == ["fold0", "fold1"]


def test_without_options_it_shows_what_ended_meanwhile(cluster: Cluster) -> None:
    cluster.sweep("--grid", "fold=0", "--yes", "--detach")
    cluster.scene.kaggle.world.sessions.wait_idle(20)
    assert cluster.jobs()["fold0"].status == "running"
    assert "s1: 1 complete" in cluster.sweep()


def test_cancel_finds_what_an_interrupted_command_sent(cluster: Cluster) -> None:
    scene = cluster.scene
    scene.kaggle.world.sessions.hold()
    cluster.sweep("--grid", "fold=0", "--yes", "--detach")
    # As if the command was killed before it recorded what it had sent.
    ledger = scene.root / "ledger.jsonl"
    lines = ledger.read_text(encoding="utf-8").splitlines(keepends=True)
    ledger.write_text(lines[0], encoding="utf-8")
    with Intents(scene.root / "build").sending("job--s1--fold0", "marker"):
        pass
    said = cluster.sweep("--cancel")
    assert "s1/fold0 is running: to stop it, open" in said
    assert cluster.jobs()["fold0"].status == "running"
