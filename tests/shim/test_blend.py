"""A blend as a notebook runs it: members with codes, wheels and settings of their own, and the average of what they leave."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kaggle_shim import averaging, blend_file, refs
from kaggle_shim.errors import BlendError
from kaggle_shim.manifest import CODES_MANIFEST, DEPS_MANIFEST, DepsManifest, FileEntry, Manifest, scan
from kaggle_shim.plan import Input, Plan
from tests.fake_notebook import Notebook
from tests.wheelhouse import make_wheel

RUN = "from pathlib import Path\n\nfrom kaggle_shim.blend import run\n\nrun(Path(__file__).parent)\n"
WHEELS = refs.DatasetRef("me", "cmi-blend001-wheels")


def predicts(*values: float, before: str = "", path: str = "submission.csv") -> str:
    rows = "".join(f"{number},{value!r}\n" for number, value in enumerate(values, 1))
    return f"import pathlib\n{before}\npathlib.Path({path!r}).write_text({'id,target' + chr(10) + rows!r})\n"


class Blend:
    """A blend in the codes of a fake notebook."""

    def __init__(self, root: Path) -> None:
        self.notebook = Notebook(root, "namespaced")
        self.notebook.competition()
        self.folder = self.notebook.input / "datasets/me/cmi-codes/blend001"
        self.members: list[blend_file.Member] = []

    def add(
        self, name: str, script: str, *, seconds: float | None = None, weight: float = 1.0, **plan: object
    ) -> None:
        place = self.folder / name
        (place / "codes").mkdir(parents=True)
        (place / "codes/exp001.py").write_text(script, encoding="utf-8")
        manifest = Manifest("w", "titanic", scan(place / "codes"))
        (place / "codes" / CODES_MANIFEST).write_text(manifest.dumps(), encoding="utf-8")
        own = replace(self.notebook.plan, inline_codes=manifest.fingerprint, **plan)  # type: ignore[arg-type]  # fields of Plan
        (place / "plan.json").write_text(own.dumps(), encoding="utf-8")
        self.members.append(blend_file.Member(name, weight, seconds))

    def lay(self, how: str = "mean", needs: str = "all") -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "run.py").write_text(RUN, encoding="utf-8")
        made = blend_file.Blend(tuple(self.members), how, (), needs)
        (self.folder / "blend.json").write_text(made.dumps(), encoding="utf-8")
        self.notebook.codes()
        self.notebook.plan = replace(self.notebook.plan, entry=("blend001/run.py",))

    @property
    def predicted(self) -> list[str]:
        return (self.notebook.working / "submission.csv").read_text(encoding="utf-8").splitlines()


@pytest.fixture
def made(tmp_path: Path) -> Blend:
    return Blend(tmp_path)


def wheels_of(folder: Path, version: str) -> Input:
    """A set of wheels as the wheel notebook leaves it, in a folder of the blend's dataset."""
    fingerprint = version.replace(".", "") * 20
    wheel = make_wheel(folder / fingerprint[:12], "tiny", version)
    entry = FileEntry(wheel.name, wheel.stat().st_size, "0" * 64)
    manifest = DepsManifest("w", fingerprint, "py3", "any", {}, "1", ("tiny",), (), (entry,))
    (wheel.parent / DEPS_MANIFEST).write_text(manifest.dumps(), encoding="utf-8")
    return Input(WHEELS, "wheels", fingerprint)


def test_members_with_contradicting_wheels_run_apart_and_their_mean_is_exact(made: Blend) -> None:
    folder = made.notebook.input / WHEELS.mount("namespaced")
    version = "import tiny\nprint('TINY', tiny.VERSION)"
    for name, number, values in (
        ("a", "1.0", (0.1, 0.7)),
        ("b", "2.0", (0.2, 0.1)),
        ("c", "3.0", (0.3, 1e-9)),
    ):
        inputs = (*made.notebook.plan.inputs, wheels_of(folder, number))
        large = "\nimport time\nlarge = b'x' * 100_000_000\ntime.sleep(0.6)" if name == "a" else ""
        made.add(name, predicts(*values, before=version + large), inputs=inputs)
    made.lay()
    ran = made.notebook.run()
    assert ran.code == 0, ran.text
    assert [line for line in ran.text.splitlines() if line.startswith("TINY")] == [
        "TINY 1.0",
        "TINY 2.0",
        "TINY 3.0",
    ]
    first, second = (0.1 + 0.2 + 0.3) / 3, (0.7 + 0.1 + 1e-9) / 3
    assert made.predicted == ["id,target", f"1,{first!r}", f"2,{second!r}"]
    assert sorted(path.name for path in ran.working.iterdir()) == [
        *("image-packages.json", "run-report.json"),
        *("submission-a.csv", "submission-b.csv", "submission-c.csv", "submission.csv"),
    ]
    assert [member["name"] for member in ran.report["blend"]["members"]] == ["a", "b", "c"]
    assert ran.report["peak_memory"] == ran.report["blend"]["members"][0]["peak_memory"] > 100_000_000
    assert ran.report["submission"]["rows"] == 2


def test_a_member_has_its_own_settings_and_an_empty_working_folder(
    made: Blend, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As in an image whose own Python is in a virtual environment.
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    seen = "import os, sys, kaggle_shim\nprint('SEEN', sys.argv[1:], os.environ.get('MINE'), os.environ['PATH'].split(os.pathsep)[0], sorted(os.listdir()), kaggle_shim.find().name)"
    path = os.pathsep.join(["/blend", os.environ["PATH"]])
    made.notebook.plan = replace(made.notebook.plan, environment=(("MINE", "blend"), ("PATH", path)))
    made.add(
        "a",
        predicts(1.5, before=f"{seen}\nopen('left', 'w')"),
        environment=(("MINE", "a"),),
        entry=("exp001.py", "--fast"),
    )
    absolute = str(made.notebook.working / "submission.csv")
    made.add("b", predicts(2.5, before=seen, path=absolute), environment=())
    made.lay()
    ran = made.notebook.run()
    assert ran.code == 0, ran.text
    first = os.environ["PATH"].split(os.pathsep)[0]
    assert f"SEEN ['--fast'] a {first} [] titanic" in ran.text
    assert f"SEEN [] None {first} [] titanic" in ran.text
    assert made.predicted == ["id,target", "1,2.0"]


def test_wheels_and_codes_of_the_blend_itself_are_not_those_of_a_member(made: Blend) -> None:
    seen = """
import importlib.util, os
print("FOUND", *(name for name in ("tiny", "helper") if importlib.util.find_spec(name)))
print("OVERLAYS", os.environ["PATH"].count("overlay"))
"""
    made.add("a", predicts(1.5, before=seen), inputs=made.notebook.plan.inputs)
    wheels = made.notebook.attach(Input(refs.DatasetRef("me", "wheels"), "wheels"))
    make_wheel(wheels, "tiny", "9.0")
    made.lay()
    (made.folder.parent / "helper.py").write_text("", encoding="utf-8")
    made.notebook.seal()
    ran = made.notebook.run()
    assert ran.code == 0, ran.text
    assert ran.report["wheels"] == [["tiny", "9.0"]]
    assert "FOUND\nOVERLAYS 0\n" in ran.text


@pytest.mark.parametrize("rerun", [False, True])
def test_a_member_out_of_time_is_left_out_or_fails_the_blend_as_blend_json_says(
    made: Blend, *, rerun: bool
) -> None:
    made.notebook.plan = replace(made.notebook.plan, limit=8.0, grace=1.0)
    made.add("slow", "import time\nprint('sleeping', flush=True)\ntime.sleep(60)\n", seconds=1.0, weight=3.0)
    made.add("b", predicts(1.5), seconds=2.0, weight=1.0)
    made.add("c", predicts(2.5), seconds=2.0, weight=3.0)
    environment = {"KAGGLE_IS_COMPETITION_RERUN": "1"} if rerun else {}
    made.lay(needs="in-time", how="weighted")
    ran = made.notebook.run(**environment)
    assert ran.code == 0, ran.text
    assert made.predicted == ["id,target", "1,2.25"]
    assert "The member slow ran out of time and is left out of the average." in ran.report["warnings"]
    assert [member["left_out"] for member in ran.report["blend"]["members"]] == [True, False, False]


def test_a_blend_that_needs_all_members_fails_by_its_guard(made: Blend) -> None:
    made.notebook.plan = replace(made.notebook.plan, guard=3.0, grace=1.0)
    made.add("slow", "import time\ntime.sleep(60)\n", guard=2.0)
    made.add("b", predicts(1.5))
    made.lay()
    ran = made.notebook.run()
    assert ran.code == 1
    assert "The member slow failed: The entry point was stopped at the guard time" in ran.report["failure"]


def test_a_member_that_fails_is_named_with_its_reason(made: Blend) -> None:
    made.add("a", predicts(1.5))
    made.add("b", "raise ValueError('no such fold')\n")
    made.lay()
    ran = made.notebook.run()
    assert ran.code == 1
    assert "The member b failed: The entry point exp001.py failed after" in ran.report["failure"]
    assert "ValueError: no such fold" in ran.report["failure"]


def test_a_bad_table_fails_a_save_run_and_is_left_out_of_a_rerun(made: Blend) -> None:
    made.add("a", predicts(0.5), weight=1.0)
    made.add("b", predicts(float("nan"), 1.0), weight=1.0)
    made.add("c", predicts(1.5, 2.5), weight=0.0)
    made.add("d", predicts(2.5, 3.5), weight=0.0)
    made.lay(how="weighted")
    ran = made.notebook.run()
    assert ran.code == 1
    assert "b has nan in the column target of the row 1, and only finite numbers" in ran.report["failure"]
    for path in made.notebook.working.iterdir():
        path.unlink()
    ran = made.notebook.run(KAGGLE_IS_COMPETITION_RERUN="1")
    assert ran.code == 0, ran.text
    assert made.predicted == ["id,target", "1,2.0", "2,3.0"]
    assert not [path.name for path in ran.working.glob("submission-*")]
    told = "\n".join(ran.report["warnings"])
    assert "b is left out of the average" in told
    assert (
        "a and c have different rows (1 and 2; 2 is in one only): they can't be averaged. a is left out"
        in told
    )
    assert "The weights of c, d are all 0: equal weights are used." in told


def test_members_that_cannot_run_are_named_before_the_first_runs(made: Blend) -> None:
    made.add("a", predicts(1.5))
    gone = Input(refs.ModelRef("me", "models", "pytorch", "exp001", 1), "data")
    made.add("b", predicts(1.5), inputs=(*made.notebook.plan.inputs, gone))
    made.lay()
    ran = made.notebook.run()
    assert ran.code == 1
    assert "The member b can't run: " in ran.report["failure"]
    assert "make the blend again with `invoke blend`" in ran.report["failure"]
    path = made.folder / "blend.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"b"', '"c"'), encoding="utf-8")
    made.notebook.seal()
    renamed = made.notebook.run()
    assert "names the member c, and" in renamed.report["failure"]
    assert "member a, 1 of 2" not in ran.text + renamed.text


def test_a_blend_runs_in_the_editor_without_a_plan(made: Blend, tmp_path: Path) -> None:
    made.add("a", predicts(1.5, before="open('left', 'w')"))
    made.add("b", predicts(2.5), environment=(("X", "1"),))
    made.lay()
    working = tmp_path / "debug"
    working.mkdir()
    for name in ("submission.csv", "run-report.json"):
        (working / name).write_text("old", encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KAGGLE_")}
    done = subprocess.run(
        [sys.executable, made.folder / "run.py"],
        cwd=working,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert {path.name: path.read_text(encoding="utf-8") for path in working.iterdir()} == {
        "submission.csv": "id,target\n1,2.0\n",
        "run-report.json": "old",
    }


def table(folder: Path, name: str, text: str, targets: tuple[str, ...] = ()) -> averaging.Table:
    path = folder / f"{name}.csv"
    path.write_text(text, encoding="utf-8")
    return averaging.read(path, name, targets)


def test_rows_and_columns_in_another_order_are_averaged_by_name(tmp_path: Path) -> None:
    one = table(tmp_path, "one", "id,x,y\n1,1,2\n2,3,4\n")
    other = averaging.aligned(table(tmp_path, "other", "id,y,x\n2,40,30\n1,20,10\n"), one)
    found = averaging.combine([one, other], (1.0, 3.0), "weighted")
    averaging.write(tmp_path / "mean.csv", one, found)
    assert (tmp_path / "mean.csv").read_text(encoding="utf-8") == "id,x,y\n1,7.75,15.5\n2,23.25,31.0\n"


def test_the_columns_and_rows_that_most_tables_have_count(tmp_path: Path) -> None:
    texts = {
        "a": "id,x\n1,1\n",
        "b": "id,x,y\n1,1,2\n2,3,4\n",
        "c": "y,id,x\n20,1,10\n40,2,30\n",
        "d": "id,x,y\n1,1,1\n",
    }
    files = {name: tmp_path / f"{name}.csv" for name in texts}
    for name, text in texts.items():
        files[name].write_text(text, encoding="utf-8")
    lost: list[str] = []
    found = averaging.read_all(files, (), lambda name, _: lost.append(name))
    assert (lost, list(found)) == (["a", "d"], ["b", "c"])
    assert {name: list(column) for name, column in found["c"].columns.items()} == {
        "x": [10, 30],
        "y": [20, 40],
    }
    with pytest.raises(BlendError, match="a has no column y; it has id, x"):
        averaging.read_all(files)


def test_named_targets_leave_the_other_columns_as_the_row_id(tmp_path: Path) -> None:
    one = table(tmp_path, "one", "row,event,score\n1,onset,0.5\n2,wakeup,1\n", ("score",))
    other = averaging.aligned(
        table(tmp_path, "other", "row,score,event\n1,1.5,onset\n2,2,wakeup\n", ("score",)), one
    )
    averaging.write(tmp_path / "mean.csv", one, averaging.combine([one, other], (1, 1), "mean"))
    assert (tmp_path / "mean.csv").read_text(
        encoding="utf-8"
    ) == "row,event,score\n1,onset,1.0\n2,wakeup,1.5\n"


def test_class_columns_stay_probabilities(tmp_path: Path) -> None:
    one = table(tmp_path, "one", "id,x,y,z\n1,0.2,0.3,0.5\n2,0.6,0.4,0\n3,0.1,0.1,0.8\n")
    other = table(tmp_path, "other", "id,x,y,z\n1,0.1,0.1,0.8\n2,0.3333,0.3333,0.3333\n3,1,0,0\n")
    for how in averaging.HOW:
        found = averaging.combine([one, other], (2.0, 1.0), how)
        assert [sum(row) for row in zip(*found.values(), strict=True)] == pytest.approx([1.0] * 3, abs=1e-4)
    scores = table(tmp_path, "scores", "id,x,y,z\n1,2,3,5\n2,6,4,0\n3,1,1,8\n")
    assert sum(averaging.combine([one, scores], (1, 1), "rank")[name][0] for name in "xyz") != pytest.approx(
        1.0
    )


def test_equal_values_share_a_rank() -> None:
    assert list(averaging.ranks([5.0, 1.0, 5.0, 3.0])) == [0.875, 0.25, 0.875, 0.5]


@pytest.mark.parametrize(
    ("text", "targets", "said"),
    [
        (
            "id,target\n1,onset\n",
            (),
            "has 'onset' in the column target of the row 1, and only numbers can be averaged",
        ),
        ("id,target\n1,\n", (), "has '' in the column target"),
        ("id,target\n1\n", (), "has '' in the column target"),
        ("id,target,kind\n1,1\n", ("target",), "has 2 values in the row 1 and 3 columns"),
        ("id,target\n1,inf\n", (), "has inf in the column target of the row 1, and only finite"),
        ("id,target\n1,1\n", ("score",), "has no column score; it has id, target."),
        ("id\n1\n", (), "has no column to average"),
        ("id,target\n1,1\n1,2\n", (), "has 2 rows with the id 1"),
        ("id,target\n1,\0\n", (), "b "),
    ],
)
def test_what_cannot_be_averaged_is_named(
    tmp_path: Path, text: str, targets: tuple[str, ...], said: str
) -> None:
    with pytest.raises(BlendError) as caught:
        table(tmp_path, "b", text, targets)
    assert said in str(caught.value)


def test_other_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(BlendError, match=r"b and a have different columns \(class_2 in one only\)"):
        averaging.aligned(table(tmp_path, "b", "id,class_1,class_2\n"), table(tmp_path, "a", "id,class_1\n"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda value: {**value, "how": "median"}, "how is 'median': write one of mean, weighted, rank"),
        (lambda value: {**value, "needs": "some"}, "needs is 'some'"),
        (lambda value: {**value, "members": []}, "members must name at least one"),
        (lambda value: {**value, "members": value["members"] * 2}, "each of them once"),
        (lambda _: {"members": [{"name": "a", "weight": "2"}]}, "the weight of a is '2': write a number"),
        (lambda _: {"members": [{"name": "a", "seconds": "2"}]}, "seconds of a is '2'"),
        (lambda _: {"members": [{}]}, "can't be read as a blend"),
        (lambda _: [], "can't be read as a blend"),
    ],
)
def test_a_blend_json_that_was_edited_wrongly_is_one_sentence(
    tmp_path: Path, change: Callable[[Any], object], said: str
) -> None:
    path = tmp_path / "blend.json"
    value = json.loads(blend_file.Blend((blend_file.Member("a"),)).dumps())
    path.write_text(json.dumps(change(value)), encoding="utf-8")
    with pytest.raises(BlendError, match=said):
        blend_file.Blend.load(path)


def test_time_is_shared_by_what_is_known_and_known_times_come_first() -> None:
    a, b, unknown = (
        blend_file.Member(name, 1.0, seconds) for name, seconds in (("a", 30.0), ("b", 60.0), ("c", None))
    )
    assert blend_file.allowance([a, b], 60.0) == pytest.approx(20.0)
    assert blend_file.allowance([b], 50.0) == 50.0
    assert blend_file.allowance([b, unknown], 70.0) == pytest.approx(65.0)
    assert blend_file.allowance([unknown, b], 70.0) == pytest.approx(5.0)
    assert blend_file.allowance([unknown, b], 60.0) == pytest.approx(30.0)
    assert blend_file.allowance([unknown, unknown], 60.0) == 30.0


def test_find_takes_the_version_of_the_members_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import kaggle_shim

    model = "me/models/pytorch/exp001"
    for version in (1, 2):
        (tmp_path / f"input/models/me/models/pytorch/exp001/{version}").mkdir(parents=True)
    plan = Plan(
        "sub", "me/cmi-sub", "w", None, "test", inputs=(Input(refs.ModelRef.parse(f"{model}/1"), "data"),)
    )
    (tmp_path / "plan.json").write_text(plan.dumps(), encoding="utf-8")
    monkeypatch.setenv("KAGGLE_SHIM_PLAN", str(tmp_path / "plan.json"))
    monkeypatch.setenv("KAGGLE_SHIM_INPUT", str(tmp_path / "input"))
    assert kaggle_shim.find(model).name == "1"
    assert kaggle_shim.find(f"{model}/2").name == "2"
