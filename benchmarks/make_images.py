"""Write the lists in workflow/kaggle_workflow/images/: what each image of Kaggle holds.

    python benchmarks/make_images.py FOLDER

FOLDER holds the base image's packages (`colab-DATE-ACCELERATOR.txt`) and what Kaggle's Dockerfile adds (`kaggle-additions.txt`).
uv resolves the additions on the build date, keeping the base's versions where it can, as `uv pip install` does in that Dockerfile.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

OUT = Path(__file__).parents[1] / "workflow/kaggle_workflow/images"
ACCELERATORS = ("cpu", "gpu", "tpu")
# Name of the image, date of its build, date of its base, whether Kaggle's additions are in it.
IMAGES = (
    ("2026-08", "2026-08-12", "2026-05-14", True),
    ("base-2026-08-19", "2026-08-19", "2026-08-19", False),
)
# They stay at the base's versions (docs/explanation/kaggle.md; the Dockerfile of August 2026).
KEPT = re.compile(r"torch(vision|audio|codec|-xla)?|tensorflow|keras|jax(lib)?|numpy")
CUDA = re.compile(r"(nvidia|cuda)-.*|triton")


def normalise(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def base(folder: Path, date: str, accelerator: str) -> tuple[str, dict[str, str]]:
    """The Python of a base image, and version by normalised name ("" for what came from an address)."""
    text = (folder / f"colab-{date}-{accelerator}.txt").read_text(encoding="utf-8")
    python = re.search(r"Python ([\d.]+)", text)
    if python is None:
        raise SystemExit(f"colab-{date}-{accelerator}.txt names no Python")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    found = {
        normalise(name): version
        for name, _, version in (line.partition(" ")[0].partition("==") for line in lines)
    }
    if accelerator == "cpu":
        # The CPU build of the same version: the list names an address only.
        gpu = base(folder, date, "gpu")[1]
        found |= {
            name: gpu[name].partition("+")[0]
            for name, version in found.items()
            if not version and gpu.get(name)
        }
    return python[1], found


def additions(folder: Path, accelerator: str) -> list[str]:
    lines = [
        line.partition("#")[0].strip()
        for line in (folder / "kaggle-additions.txt").read_text(encoding="utf-8").splitlines()
    ]
    asked = [line.partition(";") for line in lines if line]
    return [name.strip() for name, _, only in asked if not only or f"accelerator {accelerator} only" in only]


def resolve(asked: list[str], has: dict[str, str], python: str, date: str) -> dict[str, str]:
    """Versions of what is asked for and of its dependencies, as the index had them on that date."""
    plain = {name: version.partition("+")[0] for name, version in has.items() if version}
    with tempfile.TemporaryDirectory() as scratch:
        wanted, pins, out = (Path(scratch) / name for name in ("wanted.in", "pins.txt", "out.txt"))
        wanted.write_text("\n".join(asked), encoding="utf-8")
        listed = [f"{name}=={version}" for name, version in plain.items()]
        # uv keeps the versions of the file that it writes where it can.
        out.write_text("\n".join(listed), encoding="utf-8")
        pins.write_text(
            "\n".join(f"{n}=={v}" for n, v in plain.items() if KEPT.fullmatch(n)), encoding="utf-8"
        )
        command = [
            "uv",
            "pip",
            "compile",
            str(wanted),
            "--constraint",
            str(pins),
            "--output-file",
            str(out),
            "--exclude-newer",
            date,
        ]
        system = ["--python-version", python, "--python-platform", "x86_64-manylinux_2_28"]
        subprocess.run([*command, *system, "--no-annotate", "--no-header", "--quiet"], check=True)
        lines = [
            line.partition(" ")[0].partition("==") for line in out.read_text(encoding="utf-8").splitlines()
        ]
    return {normalise(name): version for name, _, version in lines if version}


def main(folder: Path) -> None:
    for name, date, of_base, kaggles in IMAGES:
        for accelerator in ACCELERATORS:
            python, has = base(folder, of_base, accelerator)
            if kaggles:
                new = resolve(additions(folder, accelerator), has, python, date)
                kept = {one for one in has if KEPT.fullmatch(one)}
                unasked = {one for one in new if CUDA.fullmatch(one)}
                has |= {one: version for one, version in new.items() if one not in kept | unasked}
            head = f"# {name}: built {date}, {accelerator}, Python {python}\n"
            listed = "".join(f"{one} {version}".strip() + "\n" for one, version in sorted(has.items()))
            file = OUT / f"{name}-{accelerator}.txt"
            file.write_text(head + listed, encoding="utf-8", newline="\n")
            print(f"{file.name}: {len(has)} packages")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
