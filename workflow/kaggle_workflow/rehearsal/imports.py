"""What to do about an import that fails: Kaggle's image has the package, or the deps notebook has to bring it."""

from __future__ import annotations

import re

from kaggle_workflow.images import catalogue

_NO_MODULE = re.compile(r"No module named '(?P<module>[\w.]+)'")
# The list that says what is usual in Kaggle's image; the workspace's own image was what lacked the module.
_USUAL = ("2026-08", "gpu")


def advice(text: str) -> str | None:
    """What to do about the failed import in `text`, None when there is none."""
    match = _NO_MODULE.search(text)
    if match is None:
        return None
    module = match["module"].split(".")[0]
    image = catalogue.load(*_USUAL)
    package = image.imports.get(module)
    if package is not None:
        return f"Kaggle's image has {package}, the local one does not: add {package} to deps/image.txt."
    package = catalogue.distribution_of(module) or module
    return (
        f"if Kaggle's image has {package}, add it to deps/image.txt; if not, to deps/requirements.txt; "
        "if it is a module of yours, look for it in codes/."
    )
