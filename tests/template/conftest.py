"""What the tests of the template share."""

from pathlib import Path

import pytest

from tests import workspaces


@pytest.fixture(scope="session")
def small(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template with few modules; not to be changed."""
    return workspaces.small_template(template, tmp_path_factory.mktemp("small") / "template")
