"""The HTML report, opened in a real browser."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from kaggle_workflow.ledger import book as ledger
from kaggle_workflow.ledger.event import Event, Part
from kaggle_workflow.ledger.fold import fold
from kaggle_workflow.ledger.history import Order
from kaggle_workflow.report import page as html_report
from kaggle_workflow.report import sweeps
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
        sweeps=sweeps.newest(events, Order(better, assumed=False)),
    )
    path.write_text(html_report.page(fold(events), facts), encoding="utf-8")
    return path


def open_(page: browser.Page, path: Path, *, dark: bool = False, width: int = 1000) -> None:
    page.requests.clear()
    page.complaints.clear()
    page.open(path, dark=dark, width=width)


@pytest.mark.parametrize("count", [0, 1, 2, 500])
def test_every_chart_is_there_and_nothing_is_fetched(page: browser.Page, tmp_path: Path, count: int) -> None:
    open_(page, write(tmp_path / "report.html", samples.events(count)))
    assert page.requests == [(tmp_path / "report.html").as_uri()]
    assert page.complaints == []
    scored = count - count // 17
    drawn = page.evaluate(
        "[...document.querySelectorAll('.chart > svg')].map(s => [s.getAttribute('aria-label'), s.querySelectorAll('[data-ref]').length])"
    )
    titles = ["CV against leaderboard score", "Score over time", "Score against rerun time"]
    assert drawn == (
        [list(pair) for pair in zip(titles, (scored, scored, count), strict=True)] if count else []
    )
    assert page.evaluate("document.querySelectorAll('h2').length") == 4
    # Every dot lies inside its chart, and its chart is as wide as the page lets it.
    inside = """[...document.querySelectorAll('.chart > svg')].every(svg => {
        const box = svg.getBoundingClientRect();
        return box.width > 600 && [...svg.querySelectorAll('[data-ref]')].every(c => {
            const dot = c.getBoundingClientRect();
            const [x, y] = [(dot.left + dot.right) / 2, (dot.top + dot.bottom) / 2];
            return x >= box.left - 1 && x <= box.right + 1 && y >= box.top - 1 && y <= box.bottom + 1; }); })"""
    assert page.evaluate(inside) is True


def test_the_limit_is_drawn_where_the_axis_says_it_is(page: browser.Page, tmp_path: Path) -> None:
    open_(page, write(tmp_path / "report.html", samples.events(5)))
    line = """(() => { const svg = document.querySelector("svg[aria-label='Score against rerun time']");
        const limit = svg.querySelector('polyline.limit').getBoundingClientRect();
        const [before, after] = ['8h', '10h'].map(
            name => [...svg.querySelectorAll('.tick text')].find(t => t.textContent === name).getBoundingClientRect());
        const nine = (before.left + before.right + after.left + after.right) / 4;
        return [limit.height > 100, Math.abs((limit.left + limit.right) / 2 - nine) < 2]; })()"""
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


DETAILS = "[...document.querySelectorAll('.details')].map(one => one.textContent)"
PLACE = """(() => { const box = document.querySelector('[data-ref="51000002"]').getBoundingClientRect();
    return [(box.left + box.right) / 2, (box.top + box.bottom) / 2]; })()"""


@pytest.mark.parametrize("width", [1000, 400])
def test_the_pointer_or_a_finger_near_a_dot_shows_its_details(
    page: browser.Page, tmp_path: Path, width: int
) -> None:
    open_(page, write(tmp_path / "report.html", samples.events(3)), width=width)
    assert "point at it or tap it" in page.evaluate(DETAILS)[0]
    x, y = page.evaluate(PLACE)
    page.pointer(x, y + 12)
    first, second, _ = page.evaluate(DETAILS)
    assert first == (
        "Submission 51000002 · 2026-05-01 18:50 UTC · exp001 --fold 2\n"
        "public score 0.70918 · CV 0.7005 · rerun 2h04m\nexp 2: larger windows, lower learning rate"
    )
    assert "point at it" in second, "the other charts show the dot, and keep their text"
    assert page.evaluate("document.querySelectorAll('[data-ref=\"51000002\"].active').length") == 3
    page.pointer(x, y + 12, click=True)
    assert page.evaluate("document.getElementById('to').value") == "51000002"
    page.pointer(x, y + 60)
    assert page.evaluate(DETAILS)[0] == first, "the details stay until another dot is reached"


FOCUSED = "[document.activeElement.dataset.ref ?? document.activeElement.id, document.activeElement.getAttribute('aria-label')]"


def test_the_report_is_read_without_a_mouse(page: browser.Page, tmp_path: Path) -> None:
    open_(page, write(tmp_path / "report.html", samples.events(500)), width=400)
    stops = []
    for _ in range(6):
        page.press("Tab")
        stops.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
    assert stops == ["circle", "circle", "circle", "from", "to", "SUMMARY"], "a chart is one stop"

    page.evaluate("document.activeElement.blur(); document.querySelector('[data-ref]').focus()")
    for key, ref in (
        ("Home", "51000001"),
        ("ArrowRight", "51000002"),
        ("ArrowLeft", "51000001"),
        ("ArrowLeft", "51000001"),
        ("End", "51000500"),
    ):
        page.press(key)
        focused, label = page.evaluate(FOCUSED)
        assert focused == ref, key
        assert label.startswith(f"Submission {ref} · ")
        assert page.evaluate(DETAILS)[0] == label
        assert page.illegible() == [], "the focus is seen"
    page.press("Home")
    page.press("Enter")
    assert page.evaluate("[document.getElementById('from').value, document.getElementById('to').value]") == [
        "51000500",
        "51000001",
    ]
    assert (
        page.evaluate(
            "[...document.querySelectorAll('.chart [aria-selected=true]')].every(dot => dot.matches('.chosen'))"
        )
        is True
    )
    page.press("Tab")
    assert (
        page.evaluate(
            "[...document.querySelectorAll('.chart')].indexOf(document.activeElement.closest('.chart'))"
        )
        == 1
    )
    assert page.complaints == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1000, 400])
@pytest.mark.parametrize("count", [0, 1, 2, 30, 500])
def test_every_text_and_mark_is_large_and_strong_enough(
    page: browser.Page, tmp_path: Path, dark: bool, width: int, count: int
) -> None:
    events = samples.events(count)
    events += [samples.score(n, private_score=0.7) for n in range(1, count, 3)]
    if count == 30:
        events += [samples.score(n, **samples.standing(n)) for n in range(1, count)]
    open_(page, write(tmp_path / "report.html", events), dark=dark, width=width)
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert page.illegible() == []
    assert page.evaluate("document.documentElement.scrollWidth") == width, "nothing to scroll sideways"


CHARTS = "Object.fromEntries([...document.querySelectorAll('.chart > svg')].map(s => [s.getAttribute('aria-label'), s.querySelectorAll('[data-ref]').length]))"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1000, 400])
def test_a_sweep_is_drawn_with_a_scatter_for_each_parameter(
    page: browser.Page, tmp_path: Path, dark: bool, width: int
) -> None:
    events = samples.events(3) + samples.sweep()
    open_(page, write(tmp_path / "report.html", events), dark=dark, width=width)
    drawn = page.evaluate(CHARTS)
    assert {name: count for name, count in drawn.items() if name.startswith("s1")} == {
        "s1: cv by lr": 8,
        "s1: cv by model": 8,
    }, "the fold is averaged, and the loss never varies"
    rows = page.evaluate(
        "[...document.querySelectorAll('section > .scroll tbody tr')].map(r => [...r.cells].map(c => c.textContent))"
    )
    assert [rows[0], rows[-1]] == [
        ["lr=1e-5 model=tf_efficientnet_b7_ns loss=focal", "5", "0.772 ± 0.0016"],
        ["lr=1e-2 model=b0 loss=focal", "4 of 5", "0.7015 ± 0.0013"],
    ]
    labels = (
        "[...document.querySelectorAll(`svg[aria-label='s1: cv by ${NAME}'] text`)].map(t => t.textContent)"
    )
    rates = page.evaluate(labels.replace("${NAME}", "lr"))
    assert {"1e-05", "0.0001", "0.001", "0.01", "some folds missing"} <= set(rates)
    assert {"b0", "tf_eff…t_b7_ns"} <= set(page.evaluate(labels.replace("${NAME}", "model")))
    assert page.evaluate("document.querySelectorAll('.bar').length") == 16
    assert page.illegible() == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
    # By keyboard, from left to right; a setting is no submission that could be compared.
    page.evaluate("document.querySelector(`svg[aria-label='s1: cv by lr'] [tabindex='0']`).focus()")
    page.press("Home")
    page.press("Enter")
    assert (
        "s1 · lr=1e-5 model=tf_efficientnet_b7_ns loss=focal\ncv: 0.772 ± 0.0016, folds: 5"
        in page.evaluate(DETAILS)
    )
    assert page.evaluate("document.getElementById('to').value") == "51000003"
    assert page.complaints == []


def test_folds_alone_are_drawn_one_by_one_and_only_the_newest_sweeps(
    page: browser.Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folds = [event for event in samples.sweep() if (event.parameters or {})["lr"] == "1e-3"]
    only = [replace(event, jobs=5) for event in folds if (event.parameters or {})["model"] == "b0"]
    drawn = sweeps.newest(samples.sweep(), Order("higher", assumed=False))[0].charts[0].series[0]
    assert [end for _, end in drawn.bars[0]] == pytest.approx([0.772 - 0.00158, 0.772 + 0.00158], abs=1e-5)
    scatter = sweeps.newest(samples.sweep(model="tf_efficientnet_b4_ns"), Order("higher", assumed=False))
    models = scatter[0].charts[1]
    assert list(map(models.y_text, models.y_ticks)) == ["", "…icientnet_b4…", "…icientnet_b7…", ""]
    many = [event for name in ("s2", "s3", "s4") for event in samples.sweep(name)]
    open_(page, write(tmp_path / "report.html", only))
    assert page.evaluate(CHARTS) == {"s1: cv by fold": 5}
    monkeypatch.setattr(html_report, "_MOST_SETTINGS", 5)
    open_(page, write(tmp_path / "report.html", only + many))
    assert page.evaluate("document.body.textContent").count("5 of 8 are shown.") == 3
    assert [name[:2] for name in page.evaluate(CHARTS)] == ["s4", "s4", "s3", "s3", "s2", "s2"]


def test_what_is_small_pale_cut_off_or_covered_is_found(page: browser.Page, tmp_path: Path) -> None:
    path = tmp_path / "bad.html"
    path.write_text(
        "<body style='background: #fff; color: #000'><p style='font-size: 11px'>small</p><p style='color: #888'>pale</p>"
        "<div style='opacity: .5'><p>faint</p></div><p style='margin-left: -30px'>cut</p>"
        "<svg width=200 height=100 viewBox='0 0 400 200'><text y=20>drawn small</text><circle r=5 fill='#bbb'/></svg>"
        "<svg width=200 height=100><text y=20>one</text><text x=5 y=20>other</text></svg>"
        "<select id=choice style='border: 1px solid #ccc'></select><button style='outline: none'>now</button>",
        encoding="utf-8",
    )
    page.open(path)
    page.evaluate("document.querySelector('button').focus()")
    found = "\n".join(page.illegible())
    for words in (
        'size in px of "small": 11.00',
        'contrast of "pale": 3.54',
        'contrast of "faint": 3.98',
        '"cut" is cut off',
        'size in px of "drawn small": 8.00',
        "contrast of a circle (null): 1.92",
        '"other" covers "one"',
        "contrast of the border of choice: 1.61",
        "width in px of the focus ring of a BUTTON: 0.00",
    ):
        assert words in found, found


def test_markup_and_scripts_in_a_message_are_shown_as_text(page: browser.Page, tmp_path: Path) -> None:
    """In every place that a user's text can reach; and a script that got in all the same would not be run."""
    evil = {"message": EVIL, "account": EVIL}
    events = [samples.pushed(n, entry=(EVIL, EVIL), args=(EVIL,), git_commit=EVIL[:8]) for n in (1, 2)]
    events += [
        samples.submitted(1, **evil),
        samples.score(1, error=EVIL),
        samples.submitted(2, ref=EVIL, message="plain"),
        samples.score(2, ref=EVIL),
        *samples.sweep(model=EVIL),
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
                "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.querySelector('.chart text')).fill]"
            )
        )
    assert colours[0] == ["rgb(255, 255, 255)", "rgb(31, 36, 48)"]
    assert colours[1] == ["rgb(20, 23, 28)", "rgb(230, 233, 239)"]


def test_the_best_so_far_goes_down_where_lower_is_better() -> None:
    from kaggle_workflow.report.charts import score_over_time

    events = [samples.submitted(n) for n in (1, 2, 3)] + [
        samples.score(n, public_score=s) for n, s in ((1, 0.5), (2, 0.3), (3, 0.4))
    ]
    for better, heights in (("lower", [0.5, 0.5, 0.3, 0.3]), ("higher", [0.5, 0.5, 0.5])):
        chart = score_over_time(fold(events), Order(better, assumed=False), better)
        assert [y for _, y in chart.series[-1].points] == heights


def test_no_score_is_called_the_best_while_the_direction_is_unknown(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    for assumed in (False, True):
        facts = html_report.Facts("x", samples.START, samples.LIMIT, False, Order("higher", assumed=assumed))
        path.write_text(html_report.page(fold(samples.events(3)), facts), encoding="utf-8")
        text = path.read_text(encoding="utf-8")
        assert ("Best public score:" in text) is not assumed
        assert (
            "best public score so far" in text.replace("your best public score so far", "")
        ) is not assumed
        assert ("It is unknown whether higher or lower" in text) is assumed


def test_places_and_medal_lines_are_drawn_where_the_ledger_has_them(tmp_path: Path) -> None:
    plain = samples.events(6)
    ranked = [*plain, *(samples.score(n, **samples.standing(n)) for n in (1, 2, 3))]
    without = write(tmp_path / "without.html", plain).read_text(encoding="utf-8")
    with_them = write(tmp_path / "with.html", ranked).read_text(encoding="utf-8")
    for words in ("Place over time", "gold medal line", "silver medal line", "bronze medal line"):
        assert words not in without
        assert words in with_them
    assert "place 418/3000" in with_them
    assert "rank correlation" in with_them


def test_the_command_writes_one_file_and_says_where(workspace: Path, invoke: Invoke) -> None:
    ledger.append(workspace, *samples.events(2))
    out = invoke("report").stdout
    assert out.startswith("build/report.html: 2 submissions, ")
    text = (workspace / "build" / "report.html").read_text(encoding="utf-8")
    assert text.count('<div class="chart"') == 3
    assert "9h assumed" in text
    elsewhere = workspace / "shared" / "r.html"
    invoke("report", "--output", str(elsewhere), INVOKE_WORKSPACE_LIMIT="5h")
    assert "limit 5h<" in elsewhere.read_text(encoding="utf-8")
    assert "is a folder" in invoke("report", "--output", str(workspace), code=2).stderr
