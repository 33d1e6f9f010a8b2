"""Placeholders for the real file: pointers of Git LFS, DVC and git-annex, empty weights, a login page saved as weights."""

from __future__ import annotations

from pathlib import Path

NAME = "stand-in"
_POINTER_BYTES = 2048
_HEAD = 512
_LFS = b"version https://git-lfs.github.com/spec/"
_ANNEX = (b"/annex/objects/", b".git/annex/objects/")
WEIGHTS = (
    *(".pt", ".pth", ".ckpt", ".safetensors", ".onnx", ".pkl", ".pickle", ".joblib", ".bin"),
    *(".keras", ".gguf", ".h5", ".npy", ".npz"),
)


def problem(path: Path, size: int) -> str | None:
    """What a placeholder is, and how to get the real file; None for any other file."""
    weights = path.suffix.lower() in WEIGHTS
    if size == 0:
        return "it is empty. Train again, or delete it." if weights else None
    if size > _POINTER_BYTES and not weights:
        return None
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return None
    dvc = path.suffix == ".dvc" and b"md5:" in head and not path.with_suffix("").exists()
    page = weights and head.lstrip().lower().startswith((b"<!doctype html", b"<html"))
    kinds = (
        (
            head.startswith(_LFS),
            f"it is a Git LFS pointer, not the file. Run `git lfs pull --include '*{path.suffix}'`.",
        ),
        (
            head.startswith(_ANNEX),
            f"it is a git-annex pointer, not the file. Run `git annex get {path.name}`.",
        ),
        (dvc, f"it is a DVC pointer, and {path.stem} is missing. Run `dvc pull {path.name}`."),
        (page, "it is an HTML page, not weights. Log in, and download it again."),
    )
    return next((text for is_so, text in kinds if is_so), None)


def annexed(link: Path) -> bool:
    """Whether a link is git-annex's, to a file whose content is not on this machine."""
    return "annex/objects/" in link.readlink().as_posix() and not link.exists()
