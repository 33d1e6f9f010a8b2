"""Competitions: files, submissions with a hidden rerun, limits, scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests
from kagglesdk.competitions.types.competition_api_service import (
    ApiCreateCodeSubmissionRequest,
    ApiGetLeaderboardRequest,
    ApiGetSubmissionLimitsRequest,
    ApiGetSubmissionRequest,
    ApiListSubmissionsRequest,
)

from tests.kaggle_server.actions import save, wait_until
from tests.local_kaggle import LocalKaggle, RunOrder, RunOutcome, ScriptedRunner, faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kagglesdk.kaggle_client import KaggleClient
    from kagglesdk.kaggle_object import KaggleObject

    from tests.kaggle_server.conftest import Script, Sdk

REF = "tester/my-sub"
SOLUTION = "id,target,Usage\n1,1,Public\n2,0,Public\n3,1,Private\n4,1,Private\n"


def answer_test(order: RunOrder) -> list[str]:
    """Predicts 1 for every row of the test file that it finds; later mounts hide earlier ones."""
    rows = ""
    for mount in order.mounts:
        if mount.target.endswith("test.csv"):
            rows = mount.source.read_text()
        elif not rows:
            rows = (mount.source / "test.csv").read_text()
    ids = [row.split(",")[0] for row in rows.splitlines()[1:]]
    text = "id,target\n" + "".join(f"{each},1\n" for each in ids)
    (order.working / "submission.csv").write_text(text)
    (order.working / "environment.txt").write_text(
        "\n".join(f"{k}={v}" for k, v in order.environment.items())
    )
    return [f"{len(ids)} rows"]


@pytest.fixture
def kaggle(tmp_path: Path) -> Iterator[LocalKaggle]:
    with LocalKaggle(tmp_path / "kaggle", runner=ScriptedRunner(answer_test)) as server:
        add_cup(server)
        yield server


def add_cup(kaggle: LocalKaggle, **settings: str | float | bool | None) -> None:
    kaggle.add_competition(
        "cup",
        public={
            "test.csv": "id\n1\n",
            "train/a.csv": "id,target\n",
            "sample_submission.csv": "id,target\n1,0\n",
        },
        hidden={"test.csv": "id\n1\n2\n3\n4\n"},
        solution=SOLUTION,
        **{"metric": "accuracy", "daily_limit": 2, "title": "The Cup", **settings},
    )


def saved(kaggle: LocalKaggle, client: KaggleClient, **fields: object) -> int:
    answer = save(client, REF, competition_data_sources=["cup"], **fields)
    assert answer.error == ""
    assert answer.invalid_competition_sources == []
    kaggle.wait_for_runs(20)
    number: int = answer.version_number
    return number


def submit(
    client: KaggleClient, version: int | None, file_name: str = "submission.csv", *, competition: str = "cup"
) -> KaggleObject:
    request = ApiCreateCodeSubmissionRequest()
    request.competition_name = competition
    request.kernel_owner, request.kernel_slug = "tester", "my-sub"
    request.kernel_version = version
    request.file_name = file_name
    request.submission_description = "mine [codes:ab12]"
    return client.competitions.competition_api_client.create_code_submission(request)


def submission(client: KaggleClient, ref: int) -> KaggleObject:
    request = ApiGetSubmissionRequest()
    request.ref = ref
    return client.competitions.competition_api_client.get_submission(request)


def limits(client: KaggleClient) -> tuple[int, int, int]:
    request = ApiGetSubmissionLimitsRequest()
    request.competition_name = "cup"
    answer = client.competitions.competition_api_client.get_submission_limits(request)
    return answer.num_today, answer.num_total, answer.num_allowed_now


def test_a_submission_reruns_exactly_that_version_over_the_hidden_files(
    kaggle: LocalKaggle, sdk: Sdk
) -> None:
    client = sdk()
    first = saved(kaggle, client)
    saved(kaggle, client)
    assert limits(client) == (0, 0, 0)  # on no team yet

    made = submit(client, first)
    kaggle.wait_for_runs(20)

    assert made.message == "Successfully submitted to The Cup"
    seen = submission(client, made.ref)
    assert (seen.status.name, seen.public_score, seen.description) == (
        "COMPLETE",
        "0.50000",
        "mine [codes:ab12]",
    )
    assert seen.private_score == ""  # shown after the end
    record = kaggle.submissions("cup")[0]
    assert (record.notebook_version, record.private_score) == (1, "1.00000")
    output = kaggle.root / "reruns" / str(made.ref) / "output"
    assert "KAGGLE_IS_COMPETITION_RERUN=1" in (output / "environment.txt").read_text()
    assert "RERUN" not in (kaggle.notebook_output(REF) / "environment.txt").read_text()
    assert (kaggle.notebook_output(REF) / "submission.csv").read_text() == "id,target\n1,1\n"
    assert limits(client) == (1, 1, 1)


def test_the_official_client_downloads_submits_and_lists(
    kaggle: LocalKaggle, sdk: Sdk, script: Script, tmp_path: Path
) -> None:
    saved(kaggle, sdk())

    script("""
        import time, zipfile
        import kaggle
        api = kaggle.api
        names = [f.name for f in api.competition_list_files("cup").files]
        assert names == ["sample_submission.csv", "test.csv", "train/a.csv"], names
        api.competition_download_file("cup", "train/a.csv", path="one")
        api.competition_download_files("cup", path="whole")
        assert sorted(zipfile.ZipFile("whole/cup.zip").namelist()) == names
        assert [c.title for c in api.competitions_list(search="cup").competitions] == ["The Cup"]
        made = api.competition_submit_code("submission.csv", "m", "cup", "tester/my-sub", 1)
        end = time.time() + 20
        while api.competition_submissions("cup")[0].status.name == "PENDING":
            assert time.time() < end
            time.sleep(0.05)
        newest = api.competition_submissions("cup")[0]
        assert (newest.ref, newest.public_score, newest.file_name) == (made.ref, "0.50000", "submission.csv")
        assert api.competition_get_submission_limits("cup").num_allowed_now == 1
        import kagglehub, pathlib
        assert (pathlib.Path(kagglehub.competition_download("cup")) / "test.csv").read_text() == "id\\n1\\n"
        assert pathlib.Path(kagglehub.competition_download("cup", path="train/a.csv")).name == "a.csv"
    """)

    assert (tmp_path / "one" / "train" / "a.csv").read_text() == "id,target\n"


def break_run(outcome: RunOutcome) -> Callable[[LocalKaggle], None]:
    def act(kaggle: LocalKaggle) -> None:
        def broken(order: RunOrder, on_line: object) -> RunOutcome:
            del order, on_line
            return outcome

        kaggle.world.sessions.runner = broken

    return act


def write(text: str, name: str = "submission.csv") -> Callable[[LocalKaggle], None]:
    def act(kaggle: LocalKaggle) -> None:
        def left(order: RunOrder) -> list[str]:
            (order.working / name).write_text(text)
            return []

        kaggle.world.sessions.runner = ScriptedRunner(left)

    return act


@pytest.mark.parametrize(
    ("act", "description"),
    [
        (break_run(RunOutcome(1, 1.0, timed_out=True)), "Notebook Timeout"),
        (break_run(RunOutcome(1, 1.0)), "Notebook Threw Exception"),
        (break_run(RunOutcome(137, 1.0)), "Notebook Exceeded Allowed Compute"),
        (write("id,target\n1,1\n", "other.csv"), "Submission CSV Not Found"),
        (
            write("id,target\n1,1\n"),
            "Submission Scoring Error: the submission's id values are not those of the solution",
        ),
        (write("id\n1\n2\n3\n4\n"), "Submission Scoring Error: the submission lacks the column target"),
        (write(""), "Submission Scoring Error"),
    ],
)
def test_a_rerun_fails_with_its_class_of_failure(
    kaggle: LocalKaggle, sdk: Sdk, act: Callable[[LocalKaggle], None], description: str
) -> None:
    client = sdk()
    version = saved(kaggle, client)
    act(kaggle)
    ref = submit(client, version).ref
    kaggle.wait_for_runs(20)

    seen = submission(client, ref)
    assert (seen.status.name, seen.error_description, seen.public_score) == ("ERROR", description, "")


def test_a_rerun_fails_or_never_ends_as_scripted(kaggle: LocalKaggle, sdk: Sdk) -> None:
    client = sdk()
    version = saved(kaggle, client)
    kaggle.fault(faults.run("timeout", "Rerun"), faults.run("never", "Rerun", skip=1))
    first, second = submit(client, version).ref, submit(client, version).ref

    def states() -> list[str]:
        return sorted(submission(client, ref).error_description for ref in (first, second))

    # Two threads race for which of the submissions is counted first.
    wait_until(lambda: states() == ["", "Notebook Timeout"])
    assert sorted(submission(client, ref).status.name for ref in (first, second)) == ["ERROR", "PENDING"]


@pytest.mark.parametrize(
    ("settings", "fields", "number", "file_name", "code", "sentence"),
    [
        ({}, {"enable_internet": True}, 1, "submission.csv", 400, "internet access"),
        ({}, {}, 1, "other.csv", 400, "Did not find provided Notebook Output File"),
        ({}, {}, 1, "", 400, "Did not find provided Notebook Output File"),
        ({}, {}, 9, "submission.csv", 404, "Version 9"),
        ({"code_competition": False}, {}, 1, "submission.csv", 400, "takes files"),
        (
            {"deadline": "2020-01-01T00:00:00", "late_submissions": False},
            {},
            1,
            "submission.csv",
            400,
            "has ended",
        ),
    ],
)
def test_a_submission_is_refused(
    kaggle: LocalKaggle,
    sdk: Sdk,
    settings: dict[str, str | bool],
    fields: dict[str, object],
    number: int,
    file_name: str,
    code: int,
    sentence: str,
) -> None:
    client = sdk()
    saved(kaggle, client, **fields)
    add_cup(kaggle, **settings)

    with pytest.raises(requests.HTTPError, match=sentence) as refused:
        submit(client, number, file_name)
    assert refused.value.response.status_code == code
    assert kaggle.submissions("cup") == []


def test_a_version_that_runs_failed_or_belongs_to_somebody_else_is_not_taken(
    kaggle: LocalKaggle, sdk: Sdk
) -> None:
    client = sdk()
    kaggle.hold_runs()
    kaggle.fault(faults.run("fail"))
    version = save(client, REF, competition_data_sources=["cup"]).version_number
    with pytest.raises(requests.HTTPError, match="still running"):
        submit(client, version)
    kaggle.release_runs()
    kaggle.wait_for_runs(20)
    with pytest.raises(requests.HTTPError, match="did not run successfully"):
        submit(client, version)
    with pytest.raises(requests.HTTPError, match=r"Permission 'kernelSessions\.get' was denied"):
        submit(sdk("stranger"), version)


def test_the_daily_limit_is_kept_and_ends_with_the_day(kaggle: LocalKaggle, sdk: Sdk) -> None:
    client = sdk()
    version = saved(kaggle, client)
    kaggle.fault(faults.run("fail", "Rerun"))
    for _ in range(3):  # one of them fails, which does not count
        submit(client, version)
        kaggle.wait_for_runs(20)
    with pytest.raises(requests.HTTPError, match=r"Your team has used its daily Submission allowance \(2\)"):
        submit(client, version)
    assert limits(client) == (2, 3, 0)

    kaggle.advance(24 * 3600)
    assert limits(client) == (0, 3, 2)
    submit(client, version)
    kaggle.behave(failed_submissions_count=True)
    assert limits(client)[0] == 1


def test_without_the_rules_accepted_there_is_nothing_to_be_had(
    kaggle: LocalKaggle, sdk: Sdk, script: Script
) -> None:
    version = saved(kaggle, sdk())
    kaggle.set_rules("cup", accepted=False)

    with pytest.raises(requests.HTTPError, match="accept this competition's rules") as refused:
        submit(sdk(), version)
    assert refused.value.response.status_code == 403
    answer = save(sdk(), REF, competition_data_sources=["cup"])
    assert answer.invalid_competition_sources == ["cup"]
    script("""
        import kagglehub
        try:
            kagglehub.competition_download("cup")
        except Exception as error:
            assert "accepted the competition rules" in str(error), error
        else:
            raise AssertionError
    """)


def test_late_submissions_are_scored_and_private_scores_show_after_the_end(
    kaggle: LocalKaggle, sdk: Sdk
) -> None:
    add_cup(kaggle, deadline="2020-01-01T00:00:00Z")
    client = sdk()
    ref = submit(client, saved(kaggle, client)).ref
    kaggle.wait_for_runs(20)

    assert submission(client, ref).private_score == "1.00000"


def test_a_metric_of_the_competition_itself_scores(kaggle: LocalKaggle, sdk: Sdk) -> None:
    add_cup(kaggle, metric="metric.py:score")
    (kaggle.root / "competitions" / "cup" / "metric.py").write_text(
        "def score(solution, submission, row_id_column_name):\n    return len(solution) * 10\n"
    )
    client = sdk()
    ref = submit(client, saved(kaggle, client)).ref
    kaggle.wait_for_runs(20)

    assert submission(client, ref).public_score == "20.00000"


def test_submissions_come_in_pages_and_the_leaderboard_is_sorted(kaggle: LocalKaggle, sdk: Sdk) -> None:
    add_cup(kaggle, daily_limit=100)
    client = sdk()
    version = saved(kaggle, client)
    for _ in range(23):
        submit(client, version)
    kaggle.wait_for_runs(60)
    request = ApiListSubmissionsRequest()
    request.competition_name = "cup"
    first = client.competitions.competition_api_client.list_submissions(request)
    request.page_token = first.next_page_token
    rest = client.competitions.competition_api_client.list_submissions(request)
    refs = [s.ref for s in [*first.submissions, *rest.submissions]]
    assert (len(first.submissions), len(refs), refs) == (20, 23, sorted(refs, reverse=True))
    board = ApiGetLeaderboardRequest()
    board.competition_name = "cup"
    ranked = client.competitions.competition_api_client.get_leaderboard(board).submissions
    assert [(r.team_name, r.score) for r in ranked] == [("tester", "0.50000")]


def test_a_folder_with_hidden_files_loses_its_public_ones_or_keeps_them_as_told(
    kaggle: LocalKaggle, sdk: Sdk
) -> None:
    kaggle.add_competition(
        "cup",
        metric="accuracy",
        public={
            "test.csv": "id\n1\n",
            "test/public.txt": "",
            "data/test/public.txt": "",
            "data/train.txt": "",
        },
        hidden={"test/hidden.txt": "", "data/test/hidden.txt": ""},
        solution=SOLUTION,
    )
    from tests.local_kaggle.mounts import mounts_of

    saved(kaggle, sdk())
    bindings = kaggle.notebook(REF).versions[0].bindings
    replaced = [m.target for m in mounts_of(kaggle.world, bindings, rerun="cup")]
    kaggle.behave(hidden_replaces_folders=False)
    overlaid = [m.target for m in mounts_of(kaggle.world, bindings, rerun="cup")]

    assert replaced == [
        "competitions/cup",
        "competitions/cup/data/test",
        "competitions/cup/test",
        "competitions/cup/test.csv",
    ]
    assert overlaid == [
        "competitions/cup",
        "competitions/cup/data/test/hidden.txt",
        "competitions/cup/test/hidden.txt",
        "competitions/cup/test.csv",
    ]
