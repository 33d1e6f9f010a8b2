"""The site: `python3 dev.py docs` builds it into build/site, offline, with search.

The pages are plain Markdown that a forge shows too. The sections and the order of pages in the side bar are those of index.md.
"""

from __future__ import annotations

import re
from typing import Any

project = "Kaggle workspace"
author = "its contributors"
project_copyright = author
extensions = ["myst_parser"]
exclude_patterns = ["README.ja.md", "pictures/README.md"]
# Anchors as a forge makes them from headings.
myst_heading_anchors = 4
html_theme = "furo"
html_title = project
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_show_copyright = False
pygments_style = "default"
pygments_dark_style = "monokai"

_SECTION = re.compile(r"^## (?P<title>.+)\n(?P<body>(?:(?!## ).*\n?)*)", re.MULTILINE)
_LINK = re.compile(r"\]\(([\w/-]+)\.md\)")


def toctrees(index: str) -> str:
    """A hidden table of contents for each section of index.md that links to pages, in the order of its links."""
    made = ""
    for section in _SECTION.finditer(index):
        pages = _LINK.findall(section["body"])
        if pages:
            listed = "\n".join(pages)
            made += f"\n```{{toctree}}\n:hidden:\n:caption: {section['title']}\n\n{listed}\n```\n"
    return made


def _complete(_app: Any, name: str, source: list[str]) -> None:
    if name == "index":
        source[0] += toctrees(source[0])


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("source-read", _complete)
