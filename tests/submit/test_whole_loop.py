"""Nothing played: from `copier copy` through `ship` to a score, in the real sandbox."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from tests import workspaces
from tests.local_kaggle import LocalKaggle
from tests.push.conftest import COMPETITION


def test_from_copier_copy_through_ship_to_a_score(made: Path, tmp_path: Path, image_python: Path) -> None:
    root = tmp_path / "ws"
    shutil.copytree(made, root, symlinks=True)
    # The example without its wheels: collecting them is the push's own test.
    entry = root / "codes" / "exp001.py"
    entry.write_text(
        "import os\nimport pandas as pd\nimport kaggle_shim\n"
        "sample = pd.read_csv(kaggle_shim.find() / 'sample_submission.csv')\n"
        # A scored rerun that was told to be short would get no score at all.
        "score = 7.0 if os.environ.get('KAGGLE_SHIM_LIGHT') else 1.0\n"
        "sample.assign(score=score).to_csv('submission.csv', index=False)\n",
        encoding="utf-8",
    )
    (root / "deps" / "requirements.txt").write_text("", encoding="utf-8")
    files = {
        path.name: path.read_bytes() for path in (root / "data" / "competitions" / COMPETITION).iterdir()
    }
    rows = files["sample_submission.csv"].decode().splitlines()[1:]
    # Half of the rows have another truth, and the hidden sample is twice as long.
    solution = ["row_id,score,Usage"] + [
        f"{row.split(',')[0]},{number % 2},Public" for number, row in enumerate(rows)
    ]
    solution += [f"{len(rows)},1,Private"]
    hidden = files["sample_submission.csv"] + f"{len(rows)},x,1,onset,0.0\n".encode()
    with LocalKaggle(tmp_path / "kaggle", python=image_python) as kaggle:
        kaggle.add_competition(
            COMPETITION,
            public=files,
            hidden={"sample_submission.csv": hidden},
            solution="\n".join(solution) + "\n",
            metric="accuracy",
            row_id="row_id",
        )
        environment = {**kaggle.environment(), "INVOKE_WORKSPACE_POLL": "0.3", "HOME": os.environ["HOME"]}
        environment["INVOKE_WORKSPACE_SAVE_RUN"] = "light"
        shipped = workspaces.invoke(root, "ship", "--yes", "--json", "--hidden-rows", "200", env=environment)
        assert shipped.returncode == 0, shipped.stdout + shipped.stderr
        told = json.loads(shipped.stdout)
        one = told["submission"]
        assert (one["status"], one["public_score"], one["experiment"]) == (
            "complete",
            len(rows) // 2 / len(rows),
            "exp001",
        )
        assert one["save_run_rows"] == len(rows)
        assert one["save_run_seconds"] > 0
        assert one["light"] is True
        assert "is light (workspace.save-run)" in shipped.stderr
        assert (one["codes.version"], one["deps.version"], one["notebook_version"]) == (1, None, 1)
        again = workspaces.invoke(root, "ship", "--json", env=environment)
        assert again.returncode == 0, again.stderr
        assert json.loads(again.stdout)["submission"]["ref"] == one["ref"]
        assert len(kaggle.submissions(COMPETITION)) == 1
        history = workspaces.invoke(root, "history", env=environment)
        assert one["ref"] in history.stdout
