"""`invoke blend`: what it writes, and what it refuses before anything is sent."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kaggle_shim import blend_file, refs
from kaggle_shim.manifest import CODES_MANIFEST, Manifest, scan
from kaggle_shim.plan import Input, Plan
from kaggle_workflow import workspace
from kaggle_workflow.blend import fit, making, members, outputs, wheels
from kaggle_workflow.command_list import Blend
from kaggle_workflow.errors import Refused, RunFailed, WorkflowError
from kaggle_workflow.ledger import book as ledger
from kaggle_workflow.ledger import estimate
from kaggle_workflow.ledger.event import SCORE, Event, now
from kaggle_workflow.rehearsal import used
from kaggle_workflow.submit.submitting import Request
from tests import workspaces
from tests.submit.conftest import GOOD, HEAD, NOTEBOOK, Desk
from tests.submit.test_reproduce import move_on


def two(desk: Desk, second: str = GOOD.replace("0.5", "0.7")) -> list[str]:
    """Two scored submissions with different codes; the second leaves that file."""
    refs = [str(desk.submit().ref)]
    desk.repush(save=second)
    refs.append(str(desk.submit(allow=frozenset(["columns"])).ref))
    desk.watch()
    for ref in refs:
        ledger.append(desk.root, Event(event=SCORE, time=now(), ref=ref, rerun_seconds=60.0, rerun_error=0.0))
    return refs


def make(desk: Desk, given: list[str], **options: Any) -> making.Made:
    return making.make(desk.push(yes=True), Blend(ref=given, **{"target": ["score"], **options}))


def state(desk: Desk) -> dict[str, bytes]:
    names = ("codes", "sub", "invoke.yaml")
    found: dict[str, bytes] = {}
    for name in names:
        path = desk.root / name
        found |= workspaces.files_of(path) if path.is_dir() else {name: path.read_bytes()}
    return found


def test_a_blend_is_an_experiment_with_each_members_codes_and_plan(desk: Desk) -> None:
    given = two(desk)
    before = (desk.root / "codes/exp001.py").read_bytes()
    move_on(desk)
    made = make(desk, given)
    folder = desk.root / "codes/blend001"
    names = [f"exp001-{ref}" for ref in given]
    assert sorted(path.name for path in folder.iterdir()) == ["blend.json", *names, "run.py"]
    assert blend_file.Blend.load(folder / "blend.json") == made.blend
    assert [member.name for member in made.blend.members] == names
    assert (folder / names[1] / "codes/exp001.py").read_bytes() == before
    for name in names:
        plan = Plan.loads((folder / name / "plan.json").read_text(encoding="utf-8"))
        assert plan.inline_codes == Manifest.load(folder / name / "codes" / CODES_MANIFEST).fingerprint
        assert [str(one.ref) for one in plan.inputs] == [
            "child-mind-institute-detect-sleep-states",
            "tester/cmi-deps",
        ]
    assert "entry: blend001/run.py" in (desk.root / "invoke.yaml").read_text(encoding="utf-8")
    assert (made.wheels, made.attached, made.warnings) == ("", [], [])
    assert made.peak_memory == 2_000_000_000
    loaded = workspace.load(desk.root)
    imported = used._imports(loaded, loaded.notebook("sub"), made.entry)
    assert {"pandas", "kaggle_shim"} <= {module for module, _ in imported}
    checked = desk.invoke("check", "--json")
    assert checked.returncode == 0, checked.stdout
    assert [thing.did for thing in desk.all()] == ["sent", "unchanged", "sent"]


def test_the_next_blend_has_its_own_name_and_leaves_earlier_blends_out_of_its_members(desk: Desk) -> None:
    given = two(desk)
    make(desk, given)
    desk.all()
    given[0] = str(desk.submit().ref)
    desk.watch()
    made = make(desk, given)
    assert made.name == "blend002"
    first = desk.root / "codes/blend002" / made.blend.members[0].name / "codes"
    assert made.blend.members[0].name == f"blend001-{given[0]}"
    assert (first / "blend001/run.py").is_file()
    with pytest.raises(WorkflowError, match="blend002 can't be used"):
        make(desk, given, name_="blend002")


def test_codes_of_another_blend_are_left_out_of_a_member(tmp_path: Path) -> None:
    found = tmp_path / "found"
    for name in (
        "exp001.py",
        "blend001/blend.json",
        "blend001/a/codes/exp001.py",
        "blend002/blend.json",
        "notes/blend.json",
    ):
        (found / name).parent.mkdir(parents=True, exist_ok=True)
        (found / name).write_text(name, encoding="utf-8")
    ours = blend_file.Blend((blend_file.Member("a"),)).dumps()
    (found / "blend001/blend.json").write_text(ours, encoding="utf-8")
    (found / CODES_MANIFEST).write_text(Manifest("w", "c", scan(found)).dumps(), encoding="utf-8")
    kept = members._keep(found, tmp_path / "kept", "blend002")
    assert [entry.path for entry in kept.files] == [
        "blend002/blend.json",
        "exp001.py",
        "notes/blend.json",
    ]
    assert Manifest.load(tmp_path / "kept" / CODES_MANIFEST).fingerprint == kept.fingerprint


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"ref": ["1"]}, "needs at least two different submissions"),
        ({"ref": ["1", "1"]}, "needs at least two different submissions"),
        ({"ref": ["1", "2"]}, "The ledger has no submission 1"),
        ({"how": "median"}, "--how median is unknown: choose one of mean, weighted, rank"),
        ({"needs": "some"}, "--needs some is unknown: choose one of all, in-time"),
        ({"weights": "1,2"}, "--weights and --how mean exclude each other"),
        ({"how": "weighted"}, "--how weighted needs --weights, or --truth"),
        ({"how": "rank", "weights": "1"}, "must be 2 positive numbers"),
        ({"how": "rank", "weights": "1,x"}, "must be 2 positive numbers"),
        ({"how": "rank", "weights": "1,-1"}, "must be 2 positive numbers"),
        ({"name_": "exp001.py"}, "exp001.py can't be used"),
        ({"notebook": "deps"}, "is the wheel notebook"),
    ],
)
def test_wrong_options_change_nothing(desk: Desk, options: dict[str, Any], said: str) -> None:
    before = state(desk)
    with pytest.raises(WorkflowError, match=said):
        make(desk, options.pop("ref", ["1", "2"]), **options)
    assert state(desk) == before


def test_a_member_whose_codes_are_lost_is_named(desk: Desk) -> None:
    given = two(desk)
    move_on(desk)
    shutil.rmtree(desk.kaggle.world.store.dataset_folder(desk.kaggle.dataset("tester/cmi-codes"), 2))
    before = state(desk)
    with pytest.raises(
        WorkflowError,
        match=rf"{given[1]} can't be a member: its codes are lost, [0-9a-f]{{12}} \(in no commit",
    ):
        make(desk, given)
    assert state(desk) == before


def test_a_member_whose_data_is_gone_is_named(desk: Desk) -> None:
    desk.kaggle.add_dataset("tester/features", {"a.csv": "1"})
    desk.metadata(dataset_sources=["tester/cmi-codes", "tester/features"])
    given = two(desk)
    desk.kaggle.world.store.datasets.pop("tester/features")
    with pytest.raises(
        WorkflowError,
        match=rf"{given[1]} can't be a member, since it needs the dataset tester/features \(no longer",
    ):
        make(desk, given)


@pytest.mark.parametrize(
    ("second", "options", "said"),
    [
        (
            GOOD,
            {"target": []},
            "exp001-1 has 'a' in the column series_id of the row 0, and only numbers can be averaged. Name the columns",
        ),
        (f"{HEAD.replace('score', 'p')}0,a,1,onset,0.5\n", {}, "exp001-2 has no column score"),
        (
            f"{HEAD.replace('step,', '')}0,a,onset,0.5\n",
            {},
            "exp001-2 and exp001-1 have different columns (step in one only)",
        ),
        (
            f"{HEAD}0,a,1,onset,0.5\n",
            {},
            "exp001-2 and exp001-1 have different rows (1 and 2; wakeup, 1, a, 2 is in one only)",
        ),
    ],
)
def test_submissions_that_cannot_be_averaged_are_refused_by_name(
    desk: Desk, second: str, options: dict[str, Any], said: str
) -> None:
    given = two(desk, second)
    before = state(desk)
    with pytest.raises(Refused) as caught:
        make(desk, given, **options)
    told = str(caught.value)
    for number, ref in enumerate(given, 1):
        told = told.replace(f"exp001-{ref}", f"exp001-{number}")
    assert said in told
    assert (caught.value.name, state(desk)) == ("blend-tables", before)


def test_tables_that_differ_go_out_when_that_is_allowed(desk: Desk) -> None:
    given = two(desk, f"{HEAD}0,a,1,onset,0.5\n")
    push = desk.push(allow=frozenset(["blend-tables"]))
    assert making.make(push, Blend(ref=given, target=["score"])).name == "blend001"
    assert push.overruled == ["blend-tables"]


def test_members_that_took_longer_than_the_limit_are_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = two(desk)
    monkeypatch.setenv("INVOKE_WORKSPACE_LIMIT", "1m30s")
    with pytest.raises(Refused, match="The blend would run out of time") as caught:
        make(desk, given)
    assert caught.value.name == "blend-too-long"
    push = desk.push(allow=frozenset(["blend-too-long"]))
    assert making.make(push, Blend(ref=given, target=["score"])).name == "blend001"


def test_members_out_of_time_may_be_left_out(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    given = two(desk)
    monkeypatch.setenv("INVOKE_WORKSPACE_LIMIT", "1m30s")
    made = make(desk, given, needs="in-time")
    assert made.estimate.share is not None
    assert made.estimate.share > 1


def test_the_estimate_is_the_sum_of_the_members_reruns(desk: Desk) -> None:
    desk.submit()
    one = desk.history()[0]
    timed = [
        ("a", replace(one, rerun_seconds=600.0, rerun_error=5.0)),
        ("b", replace(one, rerun_seconds=1200.0, rerun_error=1.0)),
    ]
    found = estimate.of_blend(timed, 3600.0)
    assert (found.seconds, found.share) == (1800.0, 0.5)
    assert (
        found.sentence
        == "The rerun will probably take 30m, 50% of the limit of 1h: the sum of the members' reruns (a 10m, b 20m)."
    )
    unknown = estimate.of_blend([*timed, ("c", replace(one, rerun_seconds=None))], 3600.0)
    assert (unknown.seconds, unknown.share) == (None, 0.5)
    assert "the ledger has no rerun of c; the others took 30m (a 10m, b 20m)" in unknown.sentence


def test_a_dry_run_says_everything_and_changes_nothing(desk: Desk) -> None:
    given = two(desk)
    before = state(desk)
    told = desk.invoke(
        "blend", "--ref", given[0], "--ref", given[1], "--target", "score", "--dry-run", "--json"
    )
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["settings"] == ""
    assert state(desk) == before


def test_the_command_says_what_it_made(desk: Desk) -> None:
    given = two(desk)
    told = desk.invoke(
        "blend",
        "--ref",
        given[0],
        "--ref",
        given[1],
        "--target",
        "score",
        "--how",
        "rank",
        "--weights",
        "2,1",
    )
    assert told.returncode == 0, told.stderr
    assert "The rerun will probably take 2m, 0% of the limit of 9h" in told.stdout
    assert f"codes/blend001 averages exp001-{given[0]}, exp001-{given[1]} (rank)." in told.stdout
    assert "The entry point in invoke.yaml is now blend001/run.py" in told.stdout


def test_the_cv_of_a_blend_is_recorded_with_its_submission(desk: Desk) -> None:
    made = make(desk, two(desk))
    path = desk.root / "codes/blend001/blend.json"
    path.write_text(replace(made.blend, cv=0.75).dumps(), encoding="utf-8")
    desk.all()
    ref = str(desk.submit(Request()).ref)
    found = next(one for one in desk.history() if one.ref == ref)
    assert (found.cv, found.experiment) == (0.75, "blend001")
    # Another average has another score.
    path.write_text(path.read_text(encoding="utf-8").replace('"mean"', '"rank"'), encoding="utf-8")
    desk.all()
    ref = str(desk.submit(Request()).ref)
    assert next(one for one in desk.history() if one.ref == ref).cv is None


def test_a_blend_is_scored_on_out_of_fold_predictions(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    given = two(desk)
    monkeypatch.setenv("INVOKE_WORKSPACE_METRIC", "metric")
    (desk.root / "codes/metric.py").write_text(METRIC, encoding="utf-8")
    (desk.root / "truth.csv").write_text("id,target\n1,3\n2,5\n", encoding="utf-8")
    with pytest.raises(WorkflowError, match=f"exp001-{given[0]}, exp001-{given[1]} left no oof.csv"):
        make(desk, given, truth="truth.csv")
    oof = desk.root / "data/working/models/exp001/oof.csv"
    oof.parent.mkdir(parents=True, exist_ok=True)
    oof.write_text("id,target\n1,3\n2,6\n", encoding="utf-8")
    with pytest.raises(WorkflowError, match=r"no-truth\.csv doesn't exist"):
        make(desk, given, truth="no-truth.csv")
    monkeypatch.setattr(outputs, "compare", lambda *_: None)
    assert make(desk, given, truth="truth.csv", target=[]).blend.cv == pytest.approx(0.5**0.5)


def test_a_member_whose_wheels_are_lost_is_named(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    given = two(desk)
    monkeypatch.setattr(wheels, "_read", lambda *_: None)
    with pytest.raises(
        WorkflowError, match=f"{given[0]} can't be a member: tester/cmi-deps no longer has its wheels"
    ):
        make(desk, given)


def a_plan(**fields: Any) -> Plan:
    return replace(Plan("sub", NOTEBOOK, "w", "child-mind-institute-detect-sleep-states", "1"), **fields)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"competition": "titanic"}, "it was made for titanic, and sub attaches child-mind"),
        ({"output": "gateway"}, "answers an evaluation API"),
        ({"submission": "submission.parquet"}, "writes submission.parquet, and only CSV files"),
        ({"accelerator": "gpu"}, "ran with a GPU, and sub/kernel-metadata.json has none"),
    ],
)
def test_a_member_that_cannot_take_part_says_why(made: Path, fields: dict[str, Any], said: str) -> None:
    notebook = workspace.load(made).notebook("sub")
    assert members._problem(a_plan(), notebook) is None
    assert said in (members._problem(a_plan(**fields), notebook) or "")


def test_what_members_need_is_attached_and_models_keep_their_versions(desk: Desk) -> None:
    given = two(desk)
    chosen = members.read(desk.push(), given, desk.push().workspace.notebook("sub"), desk.root / "build")
    for one, version in zip(chosen, (1, 2), strict=True):
        model = refs.ModelRef("me", "models", "pytorch", "exp001", version)
        more = (
            Input(model, "data"),
            Input(refs.DatasetRef("me", "features", 3 if version == 2 else None), "data"),
        )
        object.__setattr__(one, "plan", replace(one.plan, inputs=(*one.plan.inputs, *more)))
    notebook = desk.push().workspace.notebook("sub")
    assert members.notes(desk.push(), chosen, notebook) == [
        "me/features is attached in several versions, and a notebook mounts one of them: the members run with the same."
    ]
    made = making.Made(
        "blend001", ("blend001/run.py",), blend_file.Blend(()), estimate.Estimate(None, None, ""), None
    )
    making._carry_out(desk.push(), made, chosen, notebook)
    value = json.loads((desk.root / "sub/kernel-metadata.json").read_text(encoding="utf-8"))
    assert value["model_sources"] == ["me/models/pytorch/exp001/1", "me/models/pytorch/exp001/2"]
    assert value["dataset_sources"] == ["tester/cmi-codes", "me/features"]


def test_the_dataset_of_wheels_has_a_name_that_kaggle_takes(made: Path) -> None:
    loaded = workspace.load(made)
    assert str(wheels.dataset_of(loaded, "blend001")) == "tester/cmi-blend001-wheels"
    slug = wheels.dataset_of(loaded, f"Blend_{'x' * 30}").slug
    assert slug == f"cmi-blend-{'x' * 30}-wheels"
    assert len(wheels.dataset_of(loaded, "b" * 40).slug) == 50


def test_contradicting_packages_are_named() -> None:
    sets = {"a": {"loguru": "0.6", "six": "1"}, "b": {"loguru": "0.7", "six": "1"}, "c": {"loguru": "0.6"}}
    assert wheels.contradictions(sets) == ["loguru 0.6 (a and c), 0.7 (b)"]


METRIC = """
def score(solution, submission, row_id):
    print("noise")
    return float(((solution.target - submission.target) ** 2).mean() ** 0.5)
"""


@pytest.fixture
def scored(made: Path, tmp_path: Path) -> Callable[..., fit.Fitted]:
    """Score two files of out-of-fold predictions, of which the truth is 0.3 and 0.7."""
    root = tmp_path / "ws"
    shutil.copytree(made, root, symlinks=True)
    (root / "codes/metric.py").write_text(METRIC, encoding="utf-8")
    values = {"a": (1.0, 0.0, 5.0), "b": (0.0, 1.0, 2.0), "truth": (0.3, 0.7, 2.9)}
    for name, numbers in values.items():
        lines = [f"{number},{value}\n" for number, value in enumerate(numbers)]
        # The truth has another order.
        rows = "".join(reversed(lines) if name == "truth" else lines)
        (root / f"{name}.csv").write_text(f"id,target\n{rows}", encoding="utf-8")

    def score(weights: list[float] | None, *, metric: str | None = "metric", **options: Any) -> fit.Fitted:
        loaded = workspace.load(root)
        settings = replace(loaded.settings, metric=metric)
        values = {"better": "lower", "how": "weighted", "targets": (), **options}
        return fit.fit(
            replace(loaded, settings=settings),
            [root / "a.csv", root / "b.csv"],
            root / "truth.csv",
            weights=weights,
            **values,
        )

    return score


def test_weights_are_fitted_by_the_users_metric(
    scored: Callable[..., fit.Fitted], image_python: Path
) -> None:
    fitted = scored(None, python=str(image_python))
    assert fitted.weights == pytest.approx((0.3, 0.7), abs=0.01)
    assert sum(fitted.weights) == pytest.approx(1.0, abs=1e-3)
    assert fitted.score < 0.01
    given = scored([1.0, 1.0], python=str(image_python))
    assert given.weights == (1.0, 1.0)
    assert given.score == pytest.approx((2 * 0.2**2 / 3 + 0.6**2 / 3) ** 0.5)


def test_a_truth_of_other_rows_is_refused(
    scored: Callable[..., fit.Fitted], image_python: Path, tmp_path: Path
) -> None:
    (tmp_path / "ws/truth.csv").write_text("id,target\n0,0.3\n1,0.7\n9,2.9\n", encoding="utf-8")
    with pytest.raises(WorkflowError, match=r"the values of id in oof\.csv and in the truth differ"):
        scored([1.0, 1.0], python=str(image_python))


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"metric": None}, WorkflowError, "workspace.metric is not set"),
        ({"better": None}, WorkflowError, "workspace.better is not set"),
        (
            {"metric": "no_such"},
            RunFailed,
            "The metric no_such failed on the blend: No module named 'no_such'",
        ),
        ({}, WorkflowError, "needs scipy, which isn't installed"),
    ],
)
def test_what_a_fit_lacks_is_one_sentence(
    scored: Callable[..., fit.Fitted], options: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        scored(None, **options)
