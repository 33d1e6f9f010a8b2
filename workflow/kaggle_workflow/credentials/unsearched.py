"""What is said of files that no search for credentials reads whole: one sentence for each upload, however many they are."""

from __future__ import annotations

from collections.abc import Iterable

from kaggle_workflow.findings import WARNING, Finding

NAME = "not-searched"


def findings(paths: list[str]) -> tuple[Finding, ...]:
    """The one warning about these files of an upload, none for no file."""
    if not paths:
        return ()
    more = len(paths) - 1
    which = f" and in {more} more {'file' if more == 1 else 'files'} of this upload" if more else ""
    sentence = (
        f"what is packed in it{which} could not all be searched for credentials (encrypted, damaged, too deep, too much, "
        "or of a kind that nothing here unpacks): make sure that there are none."
    )
    return (Finding(WARNING, NAME, paths[0], sentence),)


def sentences(found: Iterable[Finding]) -> tuple[str, ...]:
    """What a command that sends says of them."""
    return tuple(f"{one.path}: {one.sentence}" for one in found if one.name == NAME)
