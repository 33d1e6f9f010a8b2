"""A season on a local Kaggle: 3,000 teams, a hidden private part, forty submissions, and what is said until the final place is known."""

from __future__ import annotations

import json
import random
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kaggle_workflow import workspace
from kaggle_workflow.ledger import book as ledger
from kaggle_workflow.ledger.event import SUBMITTED, Event, Facts, now
from kaggle_workflow.ledger.fold import Submission, final_of, fold
from kaggle_workflow.ledger.standing import MEDALS, medal_places
from kaggle_workflow.submit import outputs
from tests import workspaces
from tests.article import COMPETITION
from tests.local_kaggle import LocalKaggle, ScriptedRunner, faults

TEAMS, COUNT = 3000, 40
ROWS, PUBLIC_ROWS = 400, 100
NOTEBOOK = "tester/cmi-sub"


@dataclass
class Season:
    """A workspace, its Kaggle, and the truth that only the test sees."""

    root: Path
    kaggle: LocalKaggle
    answers: list[int]
    predictions: dict[int, list[int]] = field(default_factory=dict)
    rivals: list[list[int]] = field(default_factory=list)

    def invoke(self, *words: str, code: int = 0) -> str:
        done = workspaces.invoke(self.root, *words, env=self.kaggle.environment())
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout if code == 0 else done.stderr

    def history(self) -> dict[int, Submission]:
        return {int(one.ref): one for one in fold(ledger.read(self.root).events)}

    def accuracy(self, guesses: Sequence[int], *, private: bool) -> float:
        """The score of predictions, computed from the solution."""
        rows = range(PUBLIC_ROWS, ROWS) if private else range(PUBLIC_ROWS)
        return round(sum(guesses[row] == self.answers[row] for row in rows) / len(rows), 5)

    def settings(self, **changes: object) -> None:
        file = self.kaggle.root / "competitions" / COMPETITION / "competition.json"
        workspaces.edit_json(file, **changes)


def text(guesses: Sequence[int]) -> str:
    return "id,target\n" + "".join(f"{row},{guess}\n" for row, guess in enumerate(guesses))


def guesses(source: random.Random, answers: Sequence[int], skill: float) -> list[int]:
    return [one if source.random() < skill else source.randrange(3) for one in answers]


@pytest.fixture(scope="module")
def season(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Season]:
    base = tmp_path_factory.mktemp("season")
    root = workspaces.make(template, base / "ws", example="cmi-sleep", username="tester")
    source = random.Random(20)  # noqa: S311 - a season, not a secret
    answers = [source.randrange(3) for _ in range(ROWS)]
    with LocalKaggle(base / "kaggle", runner=ScriptedRunner(lambda _: [])) as kaggle:
        made = Season(root, kaggle, answers)
        solution = "".join(
            f"{row},{answer},{'Public' if row < PUBLIC_ROWS else 'Private'}\n"
            for row, answer in enumerate(answers)
        )
        folder = kaggle.add_competition(
            COMPETITION,
            public={"sample_submission.csv": text([0] * ROWS)},
            solution=f"id,target,Usage\n{solution}",
            metric="accuracy",
        )
        made.rivals = [guesses(source, answers, 0.3 * source.random() ** 0.5) for _ in range(TEAMS - 1)]
        teams = [
            f"team {number},{made.accuracy(one, private=False)},{made.accuracy(one, private=True)}\n"
            for number, one in enumerate(made.rivals)
        ]
        (folder / "teams.csv").write_text(f"team,public,private\n{''.join(teams)}", encoding="utf-8")
        refs = kaggle.add_submissions(COMPETITION, [f"try {number}" for number in range(COUNT)])
        for number, ref in enumerate(refs):
            skill = 0.1 + 0.2 * number / COUNT + 0.05 * source.random()
            made.predictions[ref] = guesses(source, answers, skill)
            version = kaggle.add_notebook(
                NOTEBOOK, "{}", output={"submission.csv": text(made.predictions[ref])}
            )
            cv = skill * 2 / 3 + 1 / 3 + source.gauss(0, 0.01)
            facts = Facts(competition=COMPETITION, notebook=NOTEBOOK, notebook_version=version, cv=cv)
            ledger.append(root, Event(SUBMITTED, now(), ref=str(ref), **vars(facts)))
        scored = {ref: text(one) for ref, one in made.predictions.items()}
        broken = dict.fromkeys(refs[5:7], "id,target\n0,1\n")
        kaggle.score(COMPETITION, {**scored, **broken})
        odd = kaggle.submissions(COMPETITION)[7]
        odd.public_score = odd.private_score = "nan"
        for ref in refs[5:8]:
            del made.predictions[ref]
        made.invoke("history", "--refresh", "--json")
        yield made


def places(scores: Sequence[float], score: float) -> int:
    """The place of a score behind all others that are at least as good."""
    return 1 + sum(other >= score for other in scores)


def test_places_and_medal_lines_are_those_of_the_solution(season: Season) -> None:
    known = season.history()
    assert len(known) == COUNT
    rivals = [season.accuracy(one, private=False) for one in season.rivals]
    ours = {ref: season.accuracy(one, private=False) for ref, one in season.predictions.items()}
    board = sorted([*rivals, max(ours.values())], reverse=True)
    for ref, score in ours.items():
        one = known[ref]
        assert (one.public_score, one.teams) == (score, TEAMS)
        assert one.score_rank == places(rivals, score)
        assert one.team_rank == places(rivals, max(ours.values()))
        lines = {medal: getattr(one, f"{medal}_score") for medal in MEDALS}
        assert lines == {medal: board[place - 1] for medal, place in medal_places(TEAMS).items()}
    assert sum(one.score_rank is None for one in known.values()) == 3
    assert len(season.kaggle.requests(method="DownloadLeaderboard")) == 1


def test_two_are_proposed_compared_by_their_outputs_and_never_a_failed_one(season: Season) -> None:
    before = json.loads(season.invoke("final", "--json"))
    assert before["selected"] == []
    season.kaggle.select(COMPETITION, *map(int, before["proposed"]))
    told = json.loads(season.invoke("final", "--download", "--json"))
    assert told["proposed"] == told["selected"][::-1] or told["proposed"] == told["selected"]
    assert {int(ref) for ref in told["proposed"]} <= season.predictions.keys()
    assert told["page"].endswith(f"competitions/{COMPETITION}/submissions")
    assert ["most different" in one["roles"] for one in told["candidates"]].count(True) == 2
    made = workspace.load(season.root)
    known = season.history()
    fetched = [one for one in known.values() if (place := outputs.place(made, one)) and place[1].is_file()]
    assert len(fetched) == 5
    alike = outputs.correlations(made, fetched)
    assert len(alike) == 10
    assert all(0 < value < 1 for value in alike.values())
    shown = season.invoke("final")
    assert f"Proposed (*): {' and '.join(told['proposed'])}." in shown
    assert "No outputs were compared" not in shown
    assert re.search(r"^\* .*best of both", shown, re.MULTILINE)


def test_without_kaggle_the_pair_is_proposed_and_the_selection_unknown(season: Season) -> None:
    season.kaggle.fault(faults.status("ListSubmissions", 500, times=None))
    try:
        told = json.loads(season.invoke("final", "--json"))
    finally:
        season.kaggle.world.faults.clear()
    assert (len(told["proposed"]), told["selected"]) == (2, None)


def test_an_empty_ledger_or_an_unknown_direction_proposes_nothing(season: Season, tmp_path: Path) -> None:
    root = Path(shutil.copytree(season.root, tmp_path / "ws"))
    other = Season(root, season.kaggle, season.answers)
    lines = (root / ledger.FILE).read_text(encoding="utf-8").splitlines(keepends=True)
    (root / ledger.FILE).write_text("".join(one for one in lines if '"better"' not in one), encoding="utf-8")
    assert "the metric's direction is unknown" in other.invoke("final", code=2)
    (root / ledger.FILE).unlink()
    assert "No submission in the ledger has a public score" in other.invoke("final", code=2)


def test_after_the_end_the_final_place_is_known_and_the_best_choice_is_told(season: Season) -> None:
    chosen = [int(ref) for ref in json.loads(season.invoke("final", "--json"))["proposed"]]
    season.kaggle.select(COMPETITION, *chosen)
    season.settings(deadline=f"{datetime.now(UTC) - timedelta(hours=1):%Y-%m-%dT%H:%M:%S}")
    for _ in range(2):
        season.invoke("history", "--refresh", "--json")
    assert sum(bool(one.ended) for one in ledger.read(season.root).events) == 1
    final = final_of(ledger.read(season.root).events, COMPETITION)
    assert final is not None
    rivals = [season.accuracy(one, private=True) for one in season.rivals]
    ours = {ref: season.accuracy(one, private=True) for ref, one in season.predictions.items()}
    known = {ref: one.private_score for ref, one in season.history().items()}
    assert {ref: score for ref, score in known.items() if score is not None} == ours
    got = max(ours[ref] for ref in chosen)
    assert (final.teams, final.team_rank) == (TEAMS, places(rivals, got))
    assert final.score_rank == places(rivals, max(ours.values()))
    assert final.bronze_score == sorted([*rivals, got], reverse=True)[TEAMS // 10 - 1]
    shown = season.invoke("history", "--limit", "1")
    assert f"The competition is over: your team finished in place {final.team_rank:,}" in shown
    season.invoke("report")
    page = (season.root / "build/report.html").read_text(encoding="utf-8")
    best = sorted(ours, key=lambda ref: -ours[ref])[:2]
    assert f"The best choice was {best[0]} and {best[1]}: private score {ours[best[0]]:g}." in page
    assert f"gives {got:g}" in page
    assert f"your team finished in place {final.team_rank:,}" in page
