"""The HTML report, opened in a real browser."""

from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from kaggle_workflow.ledger import book as ledger
from kaggle_workflow.ledger.event import Event, Part
from kaggle_workflow.ledger.fold import fold
from kaggle_workflow.ledger.history import Order
from kaggle_workflow.report import page as html_report
from tests import browser
from tests.ledger import samples
from tests.ledger.conftest import Invoke

EVIL = "</script </script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">&amp;\x00\x1b\ud83d"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[browser.Page]:
    with browser.page(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


def write(path: Path, events: list[Event], *, better: str = "higher") -> Path:
    facts = html_report.Facts(
        "detect-sleep",
        samples.START,
        samples.LIMIT,
        limit_assumed=False,
        ranking=Order(better, assumed=False),
    )
    path.write_text(html_report.page(fold(events), facts), encoding="utf-8")
    return path


def open_(page: browser.Page, path: Path) -> None:
    page.requests.clear()
    page.complaints.clear()
    page.open(path)


@pytest.mark.parametrize("count", [0, 1, 2, 500])
def test_every_picture_is_there_and_nothing_is_fetched(
    page: browser.Page, tmp_path: Path, count: int
) -> None:
    open_(page, write(tmp_path / "report.html", samples.events(count)))
    assert page.requests == [(tmp_path / "report.html").as_uri()]
    assert page.complaints == []
    scored = count - count // 17
    drawn = page.evaluate(
        "[...document.querySelectorAll('svg')].map(s => [s.getAttribute('aria-label'), s.querySelectorAll('[data-ref] circle').length])"
    )
    titles = ["CV against leaderboard score", "Score over time", "Score against rerun time"]
    assert drawn == (
        [list(pair) for pair in zip(titles, (scored, scored, count), strict=True)] if count else []
    )
    assert page.evaluate("document.querySelectorAll('h2').length") == 4
    # Every dot lies inside its picture, and its picture is as wide as the page lets it.
    inside = """[...document.querySelectorAll('svg')].every(svg => {
        const box = svg.getBoundingClientRect();
        return box.width > 600 && [...svg.querySelectorAll('circle')].every(c => {
            const dot = c.getBoundingClientRect();
            return dot.left >= box.left && dot.right <= box.right && dot.top >= box.top && dot.bottom <= box.bottom; }); })"""
    assert page.evaluate(inside) is True


def test_the_limit_is_drawn_where_the_axis_says_it_is(page: browser.Page, tmp_path: Path) -> None:
    open_(page, write(tmp_path / "report.html", samples.events(5)))
    line = """(() => { const svg = document.querySelector("svg[aria-label='Score against rerun time']");
        const limit = [...svg.querySelectorAll('path.line.reactive')].at(-1).getBoundingClientRect();
        const tick = [...svg.querySelectorAll('.axis.x text')].find(t => t.textContent === '9h').getBoundingClientRect();
        return [limit.height > 100, Math.abs((limit.left + limit.right) / 2 - (tick.left + tick.right) / 2) < 2]; })()"""
    assert page.evaluate(line) == [True, True]
    assert "limit 9h" in page.evaluate("document.body.textContent")


def test_two_submissions_are_compared(page: browser.Page, tmp_path: Path) -> None:
    open_(page, write(tmp_path / "report.html", samples.events(3)))
    rows = "Object.fromEntries([...document.querySelectorAll('#changes tbody tr')].map(r => [...r.cells].map(c => c.textContent)).map(c => [c[0], c.slice(1)]))"
    shown = page.evaluate(rows)
    assert shown["args"] == ["--fold 2", "--fold 3", ""]
    assert shown["notebook version"] == ["2", "3", "+1"]
    assert "entry" not in shown, "what is the same is not shown"
    page.evaluate(
        "document.querySelector('[data-ref=\"51000001\"]').dispatchEvent(new MouseEvent('click', {bubbles: true}))"
    )
    assert page.evaluate("[document.getElementById('from').value, document.getElementById('to').value]") == [
        "51000003",
        "51000001",
    ]
    assert page.evaluate(rows)["args"] == ["--fold 3", "--fold 1", ""]
    assert page.evaluate("document.querySelectorAll('.chosen').length") == 6


def test_the_pointer_on_a_dot_tells_which_submission_it_is(page: browser.Page, tmp_path: Path) -> None:
    open_(page, write(tmp_path / "report.html", samples.events(2)))
    tip = page.evaluate("document.querySelector('[data-ref=\"51000002\"] title').textContent")
    assert "51000002" in tip
    assert "larger windows" in tip


def test_markup_and_scripts_in_a_message_are_shown_as_text(page: browser.Page, tmp_path: Path) -> None:
    """In every place that a user's text can reach; and a script that got in all the same would not be run."""
    evil = {"message": EVIL, "account": EVIL}
    events = [samples.pushed(n, entry=(EVIL, EVIL), args=(EVIL,), git_commit=EVIL[:8]) for n in (1, 2)]
    events += [
        samples.submitted(1, **evil),
        samples.score(1, error=EVIL),
        samples.submitted(2, ref=EVIL, message="plain"),
        samples.score(2, ref=EVIL),
    ]
    ledger.append(tmp_path, *events)
    open_(page, write(tmp_path / "report.html", list(ledger.read(tmp_path).events)))
    assert page.evaluate("document.title") == "detect-sleep: submissions"
    assert page.evaluate("document.querySelectorAll('img, script:not(#data)').length") == 1
    assert page.complaints == []
    assert page.requests == [(tmp_path / "report.html").as_uri()]
    assert "onerror" in page.evaluate("document.getElementById('changes').textContent")
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"document.title=1\">')")
    page.evaluate(
        "(() => { const s = document.createElement('script'); s.textContent = 'document.title = 2'; document.body.append(s); })()"
    )
    assert page.evaluate("document.title") == "detect-sleep: submissions"


class Elements(HTMLParser):
    """The elements of a page, and the attributes that could run something or fetch something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.acting: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.acting += [
            name for name, _ in attrs if name.startswith("on") or name in ("src", "href", "style")
        ]


def test_no_value_of_the_ledger_makes_an_element(tmp_path: Path) -> None:
    """What the browser shows above, for every value at once and without one: the elements are those of a plain history."""

    def page(word: str) -> Elements:
        part = Part(word, 1, word)
        about: dict[str, Any] = {
            "account": word, "competition": word, "notebook": word, "entry": (f"{word}.py",), "args": (word,), "git_commit": word,
            "codes": part, "deps": part, "sub": part, "models": (part,), "image": word, "machine_shape": word,
        }  # fmt: skip
        events = [
            change
            for number in (1, 2)
            for change in (
                samples.pushed(number, **about),
                samples.submitted(
                    number,
                    ref=f"{word}{number}",
                    account=word,
                    competition=word,
                    notebook=word,
                    message=f"{word} {number}",
                ),
                samples.score(number, ref=f"{word}{number}", error=word, status=word),
            )
        ]
        facts = html_report.Facts(
            word,
            samples.START,
            samples.LIMIT,
            limit_assumed=False,
            ranking=Order("higher", assumed=False),
            warning=word,
        )
        return Elements(html_report.page(fold(events), facts))

    plain, evil = page("plain"), page(f"'\">{EVIL}")
    assert evil.tags == plain.tags
    assert evil.acting == plain.acting
    assert plain.tags["script"] == 2


def test_light_and_dark_follow_the_reader(page: browser.Page, tmp_path: Path) -> None:
    path = write(tmp_path / "report.html", samples.events(3))
    colours = []
    for dark in (False, True):
        page.open(path, dark=dark)
        colours.append(
            page.evaluate(
                "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.querySelector('.axis text')).fill]"
            )
        )
    assert colours[0] == ["rgb(255, 255, 255)", "rgb(31, 36, 48)"]
    assert colours[1] == ["rgb(20, 23, 28)", "rgb(230, 233, 239)"]


def test_the_best_so_far_goes_down_where_lower_is_better() -> None:
    from kaggle_workflow.report.pictures import score_over_time

    events = [samples.submitted(n) for n in (1, 2, 3)] + [
        samples.score(n, public_score=s) for n, s in ((1, 0.5), (2, 0.3), (3, 0.4))
    ]
    for better, heights in (("lower", [0.5, 0.5, 0.3, 0.3]), ("higher", [0.5, 0.5, 0.5])):
        picture = score_over_time(fold(events), Order(better, assumed=False))
        assert [y for _, y in picture.series[-1].points] == heights


def test_the_command_writes_one_file_and_says_where(workspace: Path, invoke: Invoke) -> None:
    ledger.append(workspace, *samples.events(2))
    out = invoke("report").stdout
    assert out.startswith("build/report.html: 2 submissions, ")
    text = (workspace / "build" / "report.html").read_text(encoding="utf-8")
    assert text.count("<svg") == 3
    assert "9h assumed" in text
    elsewhere = workspace / "shared" / "r.html"
    invoke("report", "--output", str(elsewhere), INVOKE_WORKSPACE_LIMIT="5h")
    assert "limit 5h<" in elsewhere.read_text(encoding="utf-8")
    assert "is a folder" in invoke("report", "--output", str(workspace), code=2).stderr
