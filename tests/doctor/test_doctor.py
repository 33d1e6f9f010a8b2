"""`invoke doctor`: one line for whatever could stop you, with the one thing to do; without network it does the rest."""

import json
import re
import shutil
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from kaggle_workflow import versions, workspace
from kaggle_workflow.doctor import everything as doctor
from kaggle_workflow.doctor import images as doctor_images
from kaggle_workflow.doctor import machine as doctor_machine
from kaggle_workflow.doctor.diagnosis import NOTE, OK, UNKNOWN, WRONG, Line
from kaggle_workflow.errors import Unreachable
from kaggle_workflow.kaggle import connection
from kaggle_workflow.kaggle.client import Kaggle
from tests import workspaces
from tests.article import COMPETITION
from tests.local_kaggle import LocalKaggle, ScriptedRunner, faults

PUBLIC = {"sample_submission.csv": b"row_id\n0\n"}


@pytest.fixture(scope="module")
def made(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return workspaces.make(
        template, tmp_path_factory.mktemp("made") / "ws", example="cmi-sleep", username="tester"
    )


@pytest.fixture
def ws(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "ws"))


@pytest.fixture
def kaggle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalKaggle]:
    """A local Kaggle that this process's clients speak to."""
    for name in ("KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_CONFIG_DIR", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with LocalKaggle(tmp_path / "kaggle", runner=ScriptedRunner(lambda _: [])) as running:
        for name, value in running.environment().items():
            if name.startswith("KAGGLE") or name in ("http_proxy", "HOME"):
                monkeypatch.setenv(name, value)
        yield running


def lines(root: Path) -> dict[str, Line]:
    found = doctor.examine(workspace.load(root), Kaggle(lambda _: None))
    return {line.topic: line for line in found.lines}


def test_every_line_of_a_workspace_that_is_well(ws: Path, kaggle: LocalKaggle) -> None:
    kaggle.add_competition(COMPETITION, public=PUBLIC, metric="accuracy", deadline="2999-01-01T00:00:00")
    token = kaggle.add_user("tester", expires=time.time() + 90 * 86400)
    done = workspaces.invoke(ws, "doctor", "--json", env={**kaggle.environment(), "KAGGLE_API_TOKEN": token})
    assert done.returncode == 0, done.stdout + done.stderr
    assert token not in done.stdout + done.stderr
    found = {line["topic"]: line for line in json.loads(done.stdout)["lines"]}
    assert list(found) == [
        "python",
        "packages",
        "disk",
        "sandbox",
        "git",
        "check",
        "names",
        "size of deps",
        "size of sub",
        "tool",
        "template",
        "update",
        "credentials",
        "network",
        "account",
        "competition",
        "rules",
        "submissions",
        "quota",
        "image",
    ]
    assert "access token from" in found["credentials"]["says"]
    assert "tester, until 20" in found["account"]["says"]
    assert "deadline 2999-01-01T00:00+00:00, a code competition" in found["competition"]["says"]
    assert "GPU hours left" in found["quota"]["says"]
    assert "cmi-sub (7 of 50 characters)" in found["names"]["says"]
    assert "kagglesdk 0." in found["packages"]["says"]
    assert "v1000.0.0" in found["template"]["says"]


def test_a_person_reads_one_line_each_and_what_to_do(ws: Path, kaggle: LocalKaggle) -> None:
    kaggle.add_competition(COMPETITION, public=PUBLIC, metric="accuracy", rules_accepted=False)
    done = workspaces.invoke(ws, "doctor", env=kaggle.environment())
    assert done.returncode == 2
    assert (
        f"-> join the competition and accept them on http://localhost/competitions/{COMPETITION}/rules"
        in done.stdout
    )
    assert done.stderr.count("\n") == 1
    assert "First rules: join" in done.stderr


def test_without_network_it_does_the_rest_and_says_what_it_could_not_see(
    ws: Path, kaggle: LocalKaggle
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{unused.getsockname()[1]}"
        done = workspaces.invoke(ws, "doctor", env={**kaggle.environment(), "http_proxy": dead})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "could not check network, account, competition, rules, submissions, quota, image" in done.stdout
    assert "size of sub" in done.stdout


def test_without_credentials_it_says_where_to_get_them(
    ws: Path, kaggle: LocalKaggle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    found = lines(ws)
    assert found["credentials"].state == WRONG
    assert "kaggle.com/settings/api" in found["credentials"].remedy
    assert found["network"].state == OK
    assert found["competition"].state == UNKNOWN


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A proxy that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.getsockname()[1]}")
        yield


def test_a_proxy_that_hangs_is_left_after_the_limit(
    ws: Path, kaggle: LocalKaggle, silent: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "REACH_SECONDS", 0.2)
    found = lines(ws)
    assert found["network"].state == UNKNOWN
    assert found["network"].says == "Kaggle did not answer in time while connecting"
    assert found["account"].state == UNKNOWN
    assert found["check"].state != UNKNOWN
    monkeypatch.setattr(connection, "_PAUSES", (0.0,))
    with pytest.raises(Unreachable, match="did not answer in time while asking whose token"):
        _ = Kaggle(lambda _: None, patience=0.2).account


@pytest.mark.parametrize(("ahead", "says"), [(7200, "120 minutes ahead of"), (-600, "10 minutes behind")])
def test_a_clock_that_is_wrong_is_told(
    ws: Path, kaggle: LocalKaggle, monkeypatch: pytest.MonkeyPatch, ahead: int, says: str
) -> None:
    assert "clock" not in lines(ws)
    wrong = SimpleNamespace(time=lambda: time.time() + ahead, sleep=time.sleep)
    monkeypatch.setattr(connection, "time", wrong)
    assert says in lines(ws)["clock"].says


def test_a_certificate_that_does_not_fit_speaks_of_the_clock(
    ws: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reach(_: Kaggle) -> None:
        raise Unreachable("Kaggle could not be reached (SSLError: certificate is not yet valid): look at it.")

    monkeypatch.setattr(Kaggle, "reach", reach)
    assert "this machine's clock" in lines(ws)["network"].remedy


def test_credentials_that_are_not_used_are_named(
    ws: Path, kaggle: LocalKaggle, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path.home() / ".kaggle"
    folder.mkdir(exist_ok=True)
    (folder / "kaggle.json").write_text(json.dumps({"username": "mate", "key": "0" * 32}))
    (folder / "access_token").write_text("KGAT_other\n")
    monkeypatch.setenv("KAGGLE_USERNAME", "tester")
    line = lines(ws)["credentials"]
    others = f"not used: {folder / 'access_token'} and KAGGLE_USERNAME and {folder / 'kaggle.json'}"
    assert (line.state, line.says.partition("; ")[2]) == (OK, others)


def test_a_quota_that_kaggle_does_not_tell_is_unknown(ws: Path, kaggle: LocalKaggle) -> None:
    gpu = {"timeUsed": "3600s", "totalTimeAllowed": "108000s"}
    method = "GetAcceleratorQuotaStatistics"
    kaggle.fault(faults.answer(method, {}), faults.answer(method, {"gpuQuota": gpu}))
    line = lines(ws)["quota"]
    assert (line.state, line.says) == (UNKNOWN, "Kaggle does not say how much is left")
    line = lines(ws)["quota"]
    assert (line.state, line.says) == (OK, "29.0 of 30 GPU hours left this week")


def test_an_expired_token_is_named_and_never_shown(ws: Path, kaggle: LocalKaggle) -> None:
    kaggle.expire_token()
    found = lines(ws)
    assert found["account"].state == WRONG
    assert "does not accept the token" in found["account"].says
    assert "expired, revoked or mistyped" in found["account"].remedy
    assert "new token" in found["account"].remedy
    assert found["quota"].state == UNKNOWN


def test_a_token_that_ends_soon_is_worth_a_note(
    ws: Path, kaggle: LocalKaggle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", kaggle.add_user("tester", expires=time.time() + 86400))
    assert lines(ws)["account"].state == NOTE


def test_credentials_of_somebody_else_are_told(
    ws: Path, kaggle: LocalKaggle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", kaggle.add_user("mate"))
    account = lines(ws)["account"]
    assert (account.state, account.says) == (NOTE, "mate; sub belongs to tester")
    assert "-d username=mate" in account.remedy


COMPETITIONS: list[tuple[dict[str, object] | None, str, str]] = [
    (None, WRONG, "knows no competition"),
    ({"code_competition": False}, WRONG, "no code competition"),
    ({"deadline": "2020-01-01T00:00:00"}, NOTE, "which is over"),
    ({"deadline": "2020-01-01T00:00:00", "late_submissions": False}, WRONG, "takes no submissions"),
]


@pytest.mark.parametrize(("about", "state", "says"), COMPETITIONS)
def test_the_competition(
    ws: Path, kaggle: LocalKaggle, about: dict[str, object] | None, state: str, says: str
) -> None:
    if about is not None:
        kaggle.add_competition(COMPETITION, public=PUBLIC, metric="accuracy", **about)  # type: ignore[arg-type]  # keys of competition.json
    found = lines(ws)["competition"]
    assert found.state == state
    assert says in found.says
    assert found.remedy


def in_days(days: float) -> str:
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%dT%H:%M:%S}"


WEEK = ("deadline", "entry deadline", "merger deadline", "selections", "image pin", "inputs")


def test_before_the_last_week_only_a_deadline_that_comes_is_told(ws: Path, kaggle: LocalKaggle) -> None:
    kaggle.add_competition(
        COMPETITION,
        public=PUBLIC,
        metric="accuracy",
        deadline=in_days(7.1),
        new_entrant_deadline=in_days(-1),
        merger_deadline=in_days(6.5),
    )
    found = lines(ws)
    assert found.keys() & set(WEEK) == {"merger deadline"}
    merger = found["merger deadline"]
    assert (merger.state, merger.says.partition(",")[0]) == (NOTE, "6 days left")
    assert merger.remedy.endswith(f"/competitions/{COMPETITION}/team before that")


def test_in_the_last_week_everything_is_told_that_can_still_be_done(ws: Path, kaggle: LocalKaggle) -> None:
    kaggle.add_competition(
        COMPETITION,
        public=PUBLIC,
        metric="accuracy",
        deadline=in_days(6.9),
        new_entrant_deadline=in_days(-1),
        merger_deadline=in_days(-1),
    )
    workspaces.edit_json(
        ws / "sub/kernel-metadata.json", dataset_sources=["tester/cmi-codes", "ada/extra", "ada/fixed/3"]
    )
    found = lines(ws)
    assert [topic for topic in found if topic in WEEK] == list(WEEK)
    assert {topic: found[topic].state for topic in WEEK} == {
        **dict.fromkeys(WEEK, NOTE),
        "merger deadline": OK,
    }
    assert found["deadline"].says.startswith("6 days left, until 20")
    assert re.fullmatch(r"passed on \S+; tester has not joined", found["entry deadline"].says)
    assert found["image pin"].remedy == "run `invoke pin-image`"
    assert found["inputs"].says == "no version is named of ada/extra: a push may get a newer one"

    chosen = kaggle.add_submissions(COMPETITION, ["one", "two"])
    kaggle.select(COMPETITION, chosen[0])
    selections = lines(ws)["selections"]
    assert (selections.state, selections.says) == (
        NOTE,
        f"only {chosen[0]} is selected: Kaggle may choose the second by public score",
    )
    kaggle.select(COMPETITION, *chosen)
    workspaces.edit_json(
        ws / "sub/kernel-metadata.json",
        docker_image="gcr.io/kaggle-images/python@sha256:1",
        dataset_sources=["tester/cmi-codes"],
    )
    found = lines(ws)
    assert {topic: found[topic].state for topic in WEEK} == {**dict.fromkeys(WEEK, OK), "deadline": NOTE}
    assert found["selections"].says == f"{chosen[1]} and {chosen[0]} selected for the end"


def test_after_the_end_the_last_week_is_silent(ws: Path, kaggle: LocalKaggle) -> None:
    kaggle.add_competition(
        COMPETITION,
        public=PUBLIC,
        metric="accuracy",
        deadline=in_days(-1),
        new_entrant_deadline=in_days(-8),
        merger_deadline=in_days(-8),
    )
    assert not lines(ws).keys() & set(WEEK)


def test_a_placeholder_stops_you_and_the_line_says_how_it_goes(
    template: Path, tmp_path: Path, kaggle: LocalKaggle
) -> None:
    done = workspaces.copier("copy", "--quiet", "--defaults", template, tmp_path / "new", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = lines(tmp_path / "new")
    assert found["names"].state == WRONG
    assert found["names"].remedy.startswith(
        "run `git init && git add --all && git commit -m start && copier update"
    )
    assert "-d username=<yours>" in found["names"].remedy
    assert found["competition"].state == WRONG
    assert "competition_sources" in found["competition"].remedy


def test_faults_that_check_finds_are_one_line(ws: Path, kaggle: LocalKaggle) -> None:
    workspaces.edit_json(ws / "sub/kernel-metadata.json", title="x")
    found = lines(ws)
    assert found["check"].state == WRONG
    assert found["check"].says.startswith("1 error, first ")
    assert "invoke check" in found["check"].remedy
    assert found["names"].state == UNKNOWN


def report(root: Path, notebook: str, python: str, build: str, version: int = 3) -> Path:
    folder = root / "build/output" / notebook / f"v{version}"
    folder.mkdir(parents=True)
    (folder / "run-report.json").write_text(json.dumps({"python": python, "image": {"docker_image": build}}))
    return folder


def image_lines(root: Path) -> dict[str, Line]:
    return {line.topic: line for line in doctor_images.lines(workspace.load(root), None)}


def test_wheels_of_another_python_than_they_are_installed_in_are_wrong(ws: Path) -> None:
    report(ws, "deps", "3.12.3", "image-1")
    report(ws, "sub", "3.12.3", "image-1", version=9)
    report(ws, "sub", "3.13.1", "image-2", version=10)
    drift = image_lines(ws)["image drift"]
    assert drift.state == WRONG
    assert "deps ran on Python 3.12.3, sub on 3.13.1" in drift.says


def test_another_image_of_the_same_python_is_a_note(ws: Path) -> None:
    report(ws, "deps", "3.12.3", "image-1")
    report(ws, "sub", "3.12.4", "image-2")
    assert image_lines(ws)["image drift"].state == NOTE


def test_the_image_list_is_held_against_what_the_last_run_found(ws: Path) -> None:
    (ws / "deps/image.txt").write_text("pandas==1.0\nnumpy\n")
    folder = report(ws, "deps", "3.12.3", "image-1")
    satisfied = [{"name": "pandas", "version": "2.2.3"}, {"name": "numpy", "version": "2.0.0"}]
    (folder / "deps-manifest.json").write_text(json.dumps({"satisfied": satisfied}))
    image = image_lines(ws)["image"]
    assert image.state == NOTE
    assert image.says == "image.txt says pandas==1.0 and the image has 2.2.3"


def test_a_full_disk_is_wrong(ws: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(ws)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    found = {line.topic: line for line in doctor_machine.lines(workspace.load(ws))}
    assert found["disk"].state == WRONG
    assert "build/ and data/" in found["disk"].remedy


def test_packages_that_are_not_the_tested_ones_are_named(ws: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    required = ["rich==1000", "six; sys_platform == 'none'"]
    monkeypatch.setattr(versions, "requirements", lambda: tuple(required))
    packages = {line.topic: line for line in doctor_machine.lines(workspace.load(ws))}["packages"]
    assert packages.state == NOTE
    assert re.fullmatch(r"not the tested versions: rich \S+ \(tested: ==1000\)", packages.says)
    required.append("no-such-package-of-anybody-4711>=2")
    packages = {line.topic: line for line in doctor_machine.lines(workspace.load(ws))}["packages"]
    assert packages.state == WRONG
    assert packages.says == "no-such-package-of-anybody-4711>=2 is not installed"


def test_a_new_workspace_names_the_tested_versions_of_the_clients(ws: Path) -> None:
    packages = {line.topic: line for line in doctor_machine.lines(workspace.load(ws))}["packages"]
    assert packages.state == OK
    pinned = [
        one for one in versions.requirements() if one.startswith(("kagglesdk==", "requests==", "protobuf=="))
    ]
    assert len(pinned) == 3
    for one in pinned:
        assert one.replace("==", " ") in packages.says


def test_a_cache_that_can_not_be_written_is_wrong_with_the_variable_that_helps(
    ws: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "home" not in {line.topic for line in doctor_machine.lines(workspace.load(ws))}
    monkeypatch.setattr("os.access", lambda *_: False)
    found = {line.topic: line for line in doctor_machine.lines(workspace.load(ws))}
    assert found["home"].state == WRONG
    assert "XDG_CACHE_HOME" in found["home"].remedy
