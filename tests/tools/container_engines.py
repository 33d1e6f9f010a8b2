"""Real container engines for the tests, and an image made from this machine's own Python: no registry of images takes part."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import programs

IMAGE = "rehearsal-test"
_SECONDS = 120
_UNUSED = (
    "test",
    "idlelib",
    "tkinter",
    "turtledemo",
    "ensurepip",
    "lib2to3",
    "site-packages",
    "dist-packages",
    "__pycache__",
)


def engine(name: str) -> Iterator[dict[str, str]]:
    """A working engine, as the variables under which its command finds it; skips with the reason where there is none."""
    if programs.working(name) is None:
        pytest.skip(
            f"no {name} on this machine (Debian: apt-get install {'podman runc' if name == 'podman' else 'docker.io'})"
        )
    # Not among pytest's folders: an engine mounts its store, and a test that was killed would leave the mount to whoever tidies up.
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-store-"))
    try:
        if name == "podman":
            yield _podman(folder)
        else:
            with _docker(folder) as variables:
                yield variables
    finally:
        _put_away(folder)


def _podman(folder: Path) -> dict[str, str]:
    """Podman with a store of its own; skipped where it can't start a container."""
    # The limits are those that a machine without CAP_SYS_RESOURCE can give.
    storage: dict[str, object] = {
        "driver": "overlay",
        "graphroot": str(folder / "graph"),
        "runroot": str(folder / "run"),
    }
    _write_toml(folder / "storage.conf", {"storage": storage})
    runtime = {"runtime": "runc"} if programs.working("runc") else {}
    _write_toml(
        folder / "containers.conf",
        {
            "containers": {"default_ulimits": ["nofile=1024:1024", "nproc=1024:1024"]},
            "engine": {"cgroup_manager": "cgroupfs", "events_logger": "file", **runtime},
        },
    )
    return {
        "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
        "CONTAINERS_CONF": str(folder / "containers.conf"),
    }


@contextlib.contextmanager
def _docker(folder: Path) -> Iterator[dict[str, str]]:
    """The Docker that runs here, or a daemon of the test's own, which needs root."""
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0:
        yield {}
        return
    if programs.working("dockerd") is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("no Docker daemon answers, and this user can't start one")
    # The path of a socket must stay under 108 characters.
    with tempfile.TemporaryDirectory(prefix="dockerd-") as short, (folder / "log").open("wb") as log:
        host = f"unix://{short}/socket"
        options = ["--iptables=false", "--bridge=none", f"--host={host}"]
        places = [f"--data-root={folder}/data", f"--exec-root={short}/exec", f"--pidfile={short}/pid"]
        daemon = subprocess.Popen(["dockerd", *options, *places], stdout=log, stderr=subprocess.STDOUT)
        try:
            limit = time.monotonic() + _SECONDS
            while subprocess.run(
                ["docker", "info"], env={**os.environ, "DOCKER_HOST": host}, capture_output=True, check=False
            ).returncode:
                if daemon.poll() is not None or time.monotonic() > limit:
                    pytest.skip(
                        f"dockerd does not start here: {(folder / 'log').read_text().splitlines()[-1:]}"
                    )
                time.sleep(0.1)
            yield {"DOCKER_HOST": host}
        finally:
            daemon.terminate()
            daemon.wait(_SECONDS)
            _unmount(Path(short))


def _put_away(folder: Path) -> None:
    """Remove an engine's store, which has the size of its images and mounts of its own."""
    _unmount(folder)
    shutil.rmtree(folder)


def _unmount(folder: Path) -> None:
    mounted = [line.split()[1] for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()]
    for place in sorted((one for one in mounted if Path(one).is_relative_to(folder)), reverse=True):
        subprocess.run(["umount", place], check=True)


def load(name: str, variables: dict[str, str], archive: Path) -> None:
    """Make `IMAGE` from a root file system, and see that the engine can start it; skips where it can't."""
    environment = {**os.environ, **variables}
    imported = subprocess.run(
        [name, "import", str(archive), IMAGE],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert imported.returncode == 0, imported.stderr
    words = ["run", "--rm", "--pull", "never", "--network", "none", IMAGE, "python3", "-c", "print(6 * 7)"]
    tried = subprocess.run(
        [name, *words], env=environment, capture_output=True, encoding="utf-8", check=False
    )
    if tried.returncode != 0:
        pytest.skip(f"{name} can't start a container here: {tried.stderr.strip()[-300:]}")


def pack_root(python: Path, archive: Path) -> Path:
    """A root file system with this Python under /usr/local, its packages, and the system libraries that they load."""
    asked = "import json, sys, sysconfig; print(json.dumps([sys.version_info[:2], sysconfig.get_path('stdlib'), sysconfig.get_path('purelib'), sys.prefix]))"
    answer = subprocess.run([python, "-c", asked], capture_output=True, check=True, encoding="utf-8").stdout
    (major, minor), stdlib, packages, prefix = json.loads(answer)
    library = f"usr/local/lib/python{major}.{minor}"
    objects = [
        python.resolve(),
        *Path(stdlib, "lib-dynload").glob("*.so"),
        *Path(packages).rglob("*.so*"),
        Path("/bin/sh").resolve(),
    ]
    with tarfile.open(archive, "w") as tar:
        for name, target in (("bin", "usr/bin"), ("lib", "usr/lib"), ("lib64", "usr/lib64")):
            _link(tar, name, target)
        for folder in ("root", "tmp", "etc", "var/tmp", "usr/lib64"):
            _folder(tar, folder)
        tar.add(python.resolve(), "usr/local/bin/python3")
        tar.add(Path("/bin/sh").resolve(), "usr/bin/sh")
        tar.add(stdlib, library, filter=_wanted)
        tar.add(
            packages,
            f"{library}/site-packages",
            filter=lambda info: None if info.name.endswith("__pycache__") else info,
        )
        _link(tar, f"{library}/dist-packages", "site-packages")
        tar.add(Path(prefix, "share", "jupyter"), "usr/local/share/jupyter")
        for path in sorted(_libraries(objects)):
            place = "usr/lib64" if path.name.startswith("ld-linux") and "64" in path.parts[1] else "usr/lib"
            tar.add(path.resolve(), f"{place}/{path.name}")
    return archive


def _wanted(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    name = Path(info.name).name
    return None if name in _UNUSED or name.startswith("config-") else info


def _libraries(objects: list[Path]) -> set[Path]:
    """What `ldd` finds outside of the Python's own packages."""
    said = subprocess.run(
        ["ldd", *map(str, objects)], capture_output=True, check=False, encoding="utf-8"
    ).stdout
    found = {Path(path) for path in re.findall(r"(/\S+) \(0x", said)}
    return {path for path in found if "site-packages" not in path.parts}


def _link(tar: tarfile.TarFile, name: str, target: str) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, target
    tar.addfile(info)


def _folder(tar: tarfile.TarFile, name: str) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.mode = tarfile.DIRTYPE, 0o1777 if "tmp" in name else 0o755
    tar.addfile(info)


def _write_toml(path: Path, tables: dict[str, dict[str, object]]) -> None:
    lines = []
    for name, values in tables.items():
        lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
