"""Whether a training in the rehearsal's sandbox sees this machine's GPU: `python benchmarks/gpu.py [--light]`.

Makes a workspace with a notebook that trains with torch, and rehearses it with this Python as the image (`rehearse --python`). Needs
no package index, no Kaggle, no copier and no git: this Python has to have torch, papermill and ipykernel, and what the commands import.

| figure | aim |
|---|---|
| the GPU is seen inside the sandbox | yes, if it is seen outside |
| seconds of the CPU / seconds of the GPU, same training | above 1 |

The last line is a JSON object. Exit code 0: seen inside; 1: the sandbox hides it, or the rehearsal failed; 3: can't tell (no GPU, no torch,
or no sandbox on this machine).
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = [str(ROOT / "workflow"), str(ROOT / "shim")]
sys.path[:0] = FOLDERS

from kaggle_workflow.rehearsal import isolation  # noqa: E402 - the folders have to be on the path first

SEEN, HIDDEN, UNKNOWN = 0, 1, 3
FILES = {
    "invoke.yaml": "workspace:\n  id: '0123456789abcdef'\n  entry: train.py\n  limit: 9h\n",
    "codes/dataset-metadata.json": json.dumps(
        {"id": "you/gpu-codes", "title": "gpu-codes", "licenses": [{"name": "CC0-1.0"}]}
    ),
}
LOOK = """
import ctypes, os, torch

def driver():
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        return str(error)
    return "loads"

def reason():
    try:
        torch.cuda.init()
    except Exception as error:
        return str(error).splitlines()[0]
    return ""

seen = torch.cuda.is_available()
found = {
    "torch": torch.__version__,
    "cuda": torch.version.cuda,
    "available": seen,
    "reason": "" if seen else reason(),
    "name": torch.cuda.get_device_name(0) if seen else "",
    "libcuda": driver(),
    "devices": sorted(name for name in os.listdir("/dev") if name.startswith("nvidia") or name == "dxg"),
    "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", ""),
}
"""
TRAINING = f"""{LOOK}
import json, time
from pathlib import Path

WIDTH, STEPS = (512, 5) if os.environ.get("KAGGLE_SHIM_LIGHT") else (4096, 5)

def train(device):
    torch.manual_seed(0)
    data = torch.randn(WIDTH, WIDTH)
    layers = torch.nn.Linear(WIDTH, WIDTH), torch.nn.ReLU(), torch.nn.Linear(WIDTH, WIDTH)
    model = torch.nn.Sequential(*layers).to(device)
    data, target = data.to(device), data.roll(1, 1).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    losses = []
    for step in range(STEPS + 1):
        if step == 1:
            # The first step loads libraries. Reading its loss has waited for it.
            started = time.perf_counter()
        loss = torch.nn.functional.mse_loss(model(data), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return time.perf_counter() - started, losses

for device in ("cpu", "cuda") if seen else ("cpu",):
    seconds, losses = train(device)
    print(f"{{device}}: {{STEPS}} steps in {{seconds:.3f}} s, loss {{losses[0]:.4f}} to {{losses[-1]:.4f}}")
    found |= {{f"{{device}}_seconds": seconds, f"{{device}}_losses": [losses[0], losses[-1]]}}
Path("metrics.json").write_text(json.dumps({{"cv": losses[-1], **found}}))
"""


def command(folder: Path, *words: str) -> dict[str, Any]:
    """Run a command in the workspace; returns what it printed as JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "kaggle_workflow", *words, "--json"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(FOLDERS)},
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=False,
    )
    value: dict[str, Any] = json.loads(done.stdout or '{"error": "printed nothing"}')
    return value


def look_outside() -> dict[str, Any]:
    """What torch sees without a sandbox; {} where there is no torch."""
    script = f"{LOOK}\nimport json\nprint(json.dumps(found))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=False)
    if done.returncode != 0:
        print(done.stderr.strip().splitlines()[-1])
        return {}
    value: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return value


def rehearse(folder: Path, *, light: bool) -> dict[str, Any]:
    """Rehearse the training; returns the command's answer, with what the training found as `inside`."""
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    made = command(folder, "new-notebook", "train", "--accelerator", "NvidiaTeslaT4")
    if "error" in made:
        return made
    (folder / "codes" / "train.py").write_text(TRAINING, encoding="utf-8")
    words = ["rehearse", "--notebook", "train", "--python", sys.executable, *(["--light"] if light else [])]
    answer = command(folder, *words)
    metrics = folder / "build" / "rehearsal" / "working" / "metrics.json"
    if metrics.is_file():
        answer["inside"] = json.loads(metrics.read_text(encoding="utf-8"))
    return answer


def judge(outside: dict[str, Any], answer: dict[str, Any], missing: str) -> tuple[int, str]:
    """The exit code, and what it means in words."""
    inside = answer.get("inside")
    if not outside:
        return UNKNOWN, "can't tell: this Python has no torch that can be imported"
    if inside is None:
        return HIDDEN, f"the rehearsal failed: {answer.get('error')}"
    if not outside["available"]:
        return UNKNOWN, f"can't tell: torch sees no GPU on this machine ({outside['reason']})"
    if missing:
        state = "seen" if inside["available"] else "not seen"
        return UNKNOWN, f"can't tell: there is no sandbox here; without one the GPU is {state}. {missing}"
    if not inside["available"]:
        return HIDDEN, f"the sandbox hides the GPU: {inside['reason']}"
    ratio = inside["cpu_seconds"] / inside["cuda_seconds"]
    return SEEN, f"seen inside: {inside['name']}, {ratio:.1f} times as fast as the CPU"


def main() -> int:
    """Measure, and print the verdict."""
    found = isolation.detect()
    outside = look_outside()
    answer: dict[str, Any] = {}
    if outside:
        with tempfile.TemporaryDirectory() as folder:
            answer = rehearse(Path(folder), light="--light" in sys.argv[1:])
    code, verdict = judge(outside, answer, found.missing)
    inside = answer.get("inside") or {}
    print(verdict)
    print(
        json.dumps(
            {
                "verdict": verdict,
                "exit_code": code,
                "sandbox": found.complete,
                "overlay": found.overlay,
                "bwrap": str(found.bwrap or ""),
                "kernel": platform.release(),
                "nvidia_smi": shutil.which("nvidia-smi"),
                "cpus": os.cpu_count(),
                "outside": outside,
                "inside": inside,
                "shim_gpus": answer.get("report", {}).get("gpus"),
                "ratio": inside["cpu_seconds"] / inside["cuda_seconds"] if "cuda_seconds" in inside else None,
                "phases": answer.get("phases"),
                "notes": answer.get("notes"),
                "error": answer.get("error"),
            }
        )
    )
    return code


if __name__ == "__main__":
    sys.exit(main())
