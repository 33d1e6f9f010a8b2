"""Submit the competition's own sample submission: the first entry point, to be replaced by yours."""

import shutil
from pathlib import Path

import kaggle_shim


def main() -> None:
    """Copy the sample submission of the attached competition into the working folder."""
    competition = kaggle_shim.find()
    samples = sorted(path for path in competition.iterdir() if "sub" in path.stem.lower() and path.is_file())
    if not samples:
        raise SystemExit(f"No sample submission lies in {competition}: write your own entry point in codes/.")
    sample = samples[0]
    target = Path(f"submission{sample.suffix}")
    shutil.copyfile(sample, target)
    print(f"{target} is a copy of {sample}.")


if __name__ == "__main__":
    main()
