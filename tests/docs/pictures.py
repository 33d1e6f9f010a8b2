"""Make the pictures of the README from real runs: `python3 dev.py pictures` (about five minutes).

copier copies the template as it lies here, uv installs the workspace, its commands run on a pseudo-terminal, and the local Kaggle
executes and scores the notebooks. What the terminal showed and what the report draws become SVG, in light and dark.
"""

from __future__ import annotations

import io
import os
import random
import re
import shlex
import struct
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from benchmarks.example_data import NIGHTS, SERIES, STEPS_A_DAY
from kaggle_workflow.rehearsal import image
from tests import workspaces
from tests.local_kaggle import LocalKaggle

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "pictures"
COMPETITION = "child-mind-institute-detect-sleep-states"
# When everybody is said to fall asleep and to wake up: one experiment each, submitted in this order.
TRIES = (
    ("23:00:00", "06:30:00"),
    ("22:30:00", "06:30:00"),
    ("23:00:00", "06:00:00"),
    ("23:15:00", "06:30:00"),
    ("23:15:00", "07:00:00"),
    ("23:15:00", "06:45:00"),
    ("23:40:00", "06:45:00"),
    ("23:20:00", "06:50:00"),
)
COLUMNS, ROWS = 100, 40
HOUR = STEPS_A_DAY // 24

Session = list[tuple[str, list[str]]]
"""Command lines, each with the lines that it left on the terminal."""


def closeness(solution: Any, submission: Any, row_id: str) -> float:
    """The competition's metric: 1 for events at their true steps, 0 for events that are an hour off."""
    del row_id
    return _closeness(solution["step"], submission["step"])


def _closeness(truth: Sequence[int], found: Sequence[int]) -> float:
    return sum(max(0.0, 1 - abs(int(a) - int(b)) / HOUR) for a, b in zip(truth, found, strict=True)) / len(
        truth
    )


def steps(asleep: str, awake: str, noise: random.Random | None = None) -> list[int]:
    """The steps of all nights' events in the example's order; with noise, those of invented people."""
    found = []
    for start, _ in (SERIES[name] for name in sorted(SERIES)):
        own = []
        for clock in (asleep, awake):
            first = (_seconds(clock) - _seconds(start[-8:])) // 5 % STEPS_A_DAY
            own += [
                first + night * STEPS_A_DAY + round(noise.gauss(0, HOUR / 4) if noise else 0)
                for night in range(NIGHTS)
            ]
        found += sorted(own)
    return found


def _seconds(clock: str) -> int:
    hours, minutes, seconds = map(int, clock.split(":"))
    return 3600 * hours + 60 * minutes + seconds


def record(words: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> list[str]:
    """Run a command on a pseudo-terminal; returns the lines that it left there, with their colours.

    Raises:
        SystemExit: the command failed.
    """
    # Here, because Windows has none of them: the rest of this module works there.
    import fcntl
    import pty
    import termios

    print(f"{cwd.name}$ {shlex.join(words)}", flush=True)  # noqa: T201 - for the person who waits
    reading, writing = pty.openpty()
    fcntl.ioctl(writing, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    child = subprocess.Popen(words, cwd=cwd, env=environment, stdin=writing, stdout=writing, stderr=writing)
    os.close(writing)
    pieces = []
    try:
        while piece := os.read(reading, 1 << 16):
            pieces.append(piece)
    except OSError:
        # Linux says so when the other end of a pseudo-terminal is closed.
        pass
    os.close(reading)
    output = b"".join(pieces).decode("utf-8")
    if child.wait() != 0:
        raise SystemExit(f"{shlex.join(words)} ended with {child.returncode}:\n{output}")
    return settled(output)


def settled(output: str) -> list[str]:
    """The lines that stay on a terminal: without progress that was drawn over or deleted, with colours."""
    lines, row, overwrite = [""], 0, False
    for token in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|[\r\n]|[^\x1b\r\n]+", output):
        if token == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif token == "\r":
            overwrite = True
        elif token[0] == "\x1b" and token[-1] == "A":
            row = max(0, row - int(token[2:-1] or 1))
        elif token[0] == "\x1b" and token[-1] == "K":
            lines[row] = ""
        elif token[0] != "\x1b" or token[-1] == "m":
            lines[row] = token if overwrite else lines[row] + token
            overwrite = False
    return lines[: row + 1] if lines[row] else lines[:row]


def run(base: Path) -> tuple[Session, str]:
    """From `copier copy` to the report of some submissions; returns what the terminal showed and the report's HTML."""
    template = workspaces.clone_template(base / "template", tag="v0.0.1")
    ours = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("INVOKE_", "KAGGLE_", "VIRTUAL_ENV"))
    } | {"TERM": "xterm-256color", "INVOKE_WORKSPACE_POLL": "1"}
    root = base / "sleep"
    session: Session = []

    def show(line: str, environment: Mapping[str, str], cwd: Path = root) -> None:
        session.append((line, record(shlex.split(line), cwd, environment)))

    show(
        f"copier copy --quiet --defaults -d example=cmi-sleep -d username=ada -d prefix=sleep {template.name} sleep",
        ours,
        base,
    )
    session.append(("cd sleep", []))
    # The first command makes the environment, and uv says so.
    record(["uv", "run", "invoke", "--list"], root, ours)
    settings = root / "invoke.yaml"
    settings.write_text(
        f"{settings.read_text(encoding='utf-8').rstrip()}\n  better: higher\n  limit: 9h\n", encoding="utf-8"
    )
    listed = base / "image.txt"
    listed.write_text("numpy\npandas\npyarrow\nscikit-learn\n", encoding="utf-8")
    python = image.ensure(listed, python=None, cache=image.default_cache(), on_line=print).python
    files = {path.name: path.read_bytes() for path in (root / "data/competitions" / COMPETITION).iterdir()}
    truth = steps("23:15:00", "06:45:00", random.Random(1))  # noqa: S311 - the same people each time, no secret
    solution = "row_id,step,Usage\n" + "".join(
        f"{row},{step},{'Public' if row % 3 else 'Private'}\n" for row, step in enumerate(truth)
    )
    with LocalKaggle(base / "kaggle", python=python, user="ada") as kaggle:
        kaggle.add_competition(
            COMPETITION,
            public=files,
            solution=solution,
            metric="tests.docs.pictures:closeness",
            row_id="row_id",
            daily_limit=len(TRIES),
        )
        theirs = ours | {
            name: value
            for name, value in kaggle.environment(isolated_home=False).items()
            if name.startswith("KAGGLE_") or name == "http_proxy"
        }
        validation = steps("23:15:00", "06:45:00", random.Random(2))  # noqa: S311 - likewise
        for number, (asleep, awake) in enumerate(TRIES):
            entry = root / "codes" / "exp001.py"
            text = entry.read_text(encoding="utf-8")
            text = re.sub('"onset": "[^"]*"', f'"onset": "{asleep}"', text)
            entry.write_text(re.sub('"wakeup": "[^"]*"', f'"wakeup": "{awake}"', text), encoding="utf-8")
            cv = round(_closeness(validation, steps(asleep, awake)), 4)
            line = f"uv run invoke ship --yes --cv {cv} --message '{asleep[:5]} to {awake[:5]}'"
            if number == 0:
                show(line, theirs)
            else:
                record(shlex.split(line), root, theirs)
        record(["uv", "run", "invoke", "report"], root, theirs)
    return session, (root / "build" / "report.html").read_text(encoding="utf-8")


# As rich fills it in: without the window around it, and with fonts of the reader's own.
_TERMINAL = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {{width}} {{height}}">
<style>
.{{unique_id}}-matrix {{{{ font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: {{char_height}}px; }}}}
{{styles}}
</style>
<defs>{{lines}}</defs>
<rect width="{{width}}" height="{{height}}" rx="8" fill="{background}"/>
<g transform="translate({{terminal_x}}, 16)">{{backgrounds}}<g class="{{unique_id}}-matrix">
{{matrix}}
</g></g>
</svg>
"""
_ANSI = [
    (0, 0, 0),
    (163, 21, 21),
    (17, 99, 41),
    (120, 83, 0),
    (9, 80, 180),
    (130, 30, 140),
    (10, 100, 110),
    (70, 75, 85),
]
_BRIGHT = [
    (150, 155, 165),
    (255, 123, 114),
    (126, 211, 134),
    (230, 190, 100),
    (121, 184, 255),
    (215, 170, 255),
    (120, 215, 225),
    (240, 240, 240),
]
LIGHT = TerminalTheme((246, 247, 249), (31, 36, 48), _ANSI, _ANSI)
DARK = TerminalTheme((29, 33, 40), (230, 233, 239), _BRIGHT, _BRIGHT)


def terminal(session: Session, theme: TerminalTheme) -> str:
    """A terminal that shows command lines and what they left."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    for line, output in session:
        console.print(Text.assemble(("$ ", "bold green"), (line, "bold")))
        for shown in output:
            console.print(Text.from_ansi(shown))
    background = theme.background_color.hex
    svg = console.export_svg(theme=theme, code_format=_TERMINAL.format(background=background), unique_id="t")
    return "".join(f"{line.strip()}\n" for line in svg.splitlines() if line.strip())


def report(page: str, *, dark: bool) -> str:
    """The first two charts of a report, side by side, in its own colours."""
    style = page.partition("<style>")[2].partition("</style>")[0]
    colours = re.findall(r":root \{(.*?)\}", style, re.DOTALL)[int(dark)]
    rules = "\n".join(line for line in style.splitlines() if line.startswith(".chart"))
    found = re.findall(
        r'<h2>([^<]*)</h2>.*?padding:\d+px (\d+)px \d+px (\d+)px">(<svg .*?</svg>)</div>', page, re.DOTALL
    )
    width, plot, top, margin = 830, 300, 112, 16
    parts = []
    for index, (title, right, left, svg) in enumerate(found[:2]):
        x = margin + index * width // 2
        inside = width // 2 - int(left) - int(right) - margin
        place = f'x="{x + int(left)}" y="{top}" width="{inside}" overflow="visible"'
        placed = svg.replace('width="100%"', place, 1)
        parts.append(f'<text class="title" x="{x}" y="32">{title}</text>{placed}')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top + plot + 76}">\n'
        f'<style>\n:root {{{colours}}}\nsvg {{ font-family: system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }}\n{rules}\n'
        ".chart .title { font-size: 18px; font-weight: 600; }\n"
        # Each chart is as narrow as on a phone.
        ".chart .odd text { display: none; }\n</style>\n"
        f'<rect width="100%" height="100%" rx="8" style="fill: var(--panel)"/>\n<g class="chart">{"".join(parts)}</g>\n</svg>\n'
    )


def main() -> None:
    """Write the four pictures."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        session, page = run(Path(folder))
    FOLDER.mkdir(exist_ok=True)
    for name, content in (
        ("terminal-light", terminal(session, LIGHT)),
        ("terminal-dark", terminal(session, DARK)),
        ("report-light", report(page, dark=False)),
        ("report-dark", report(page, dark=True)),
    ):
        (FOLDER / f"{name}.svg").write_text(content, encoding="utf-8", newline="\n")
        sys.stdout.write(f"docs/pictures/{name}.svg: {len(content.encode()) / 1000:.1f} kB\n")


if __name__ == "__main__":
    main()
