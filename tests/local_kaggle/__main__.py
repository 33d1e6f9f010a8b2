"""`python -m tests.local_kaggle --root DIR`: a local Kaggle until Ctrl-C."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path

from tests.local_kaggle.behaviour import Behaviour
from tests.local_kaggle.errors import SetupError
from tests.local_kaggle.server import LocalKaggle


def _program(text: str) -> Path:
    if not Path(text).is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text}")
    return Path(text)


def main(arguments: list[str] | None = None) -> int:
    """Reads the options, serves, and returns the exit code: 0 after Ctrl-C, 2 for a wrong option."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.local_kaggle", description="A Kaggle on this machine."
    )
    parser.add_argument("--root", type=Path, required=True, help="folder of the state; made when absent")
    parser.add_argument(
        "--port", type=int, default=80, help="80 for LOCALHOST, 7777 for TEST, 0 for a free one"
    )
    parser.add_argument("--layout", choices=("namespaced", "classic"), default="namespaced")
    parser.add_argument("--python", type=_program, help="the image's interpreter; without it runs fail")
    parser.add_argument(
        "--accelerated-python",
        type=_program,
        help="that of another image for runs with a GPU or TPU; by default the same",
    )
    parser.add_argument(
        "--newer-python",
        type=_program,
        help="that of the image which runs get while the switch `image` is `newer`",
    )
    parser.add_argument("--user", default="tester", help="whose token is printed")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SWITCH=JSON",
        help=f"a switch: {', '.join(field.name for field in dataclasses.fields(Behaviour))}",
    )
    options = parser.parse_args(arguments)
    try:
        behaviour = Behaviour.from_options(options.layout, options.set)
        kaggle = LocalKaggle(
            options.root,
            user=options.user,
            behaviour=behaviour,
            python=options.python,
            accelerated_python=options.accelerated_python,
            newer_python=options.newer_python,
            port=options.port,
        )
    except (SetupError, OSError, OverflowError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    with kaggle:
        sys.stdout.write(f"port {kaggle.port}\nKAGGLE_API_TOKEN {kaggle.token}\n")
        sys.stdout.flush()
        try:
            kaggle.wait()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
