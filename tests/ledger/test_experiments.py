"""One rule says which experiment an entry point belongs to, for weights, history and estimates alike."""

import pytest

from kaggle_workflow.experiments import experiment_of
from kaggle_workflow.ledger.fold import fold
from tests.ledger import samples

CASES = {
    ("exp001.py", "--fold", "1"): "exp001",
    ("./exp001.py",): "exp001",
    ("exp010/run.py",): "exp010",
    ("exp010/infer/run.py",): "exp010",
    ("-m", "exp010.run"): "exp010",
    ("-m", "package.infer"): "package",
    ("python", "-u", "exp001.py"): "exp001",
    ("python3", "-m", "package.infer"): "package",
    ("bash", "main.sh"): "main",
    ("bash", "-e", "exp003/run.sh"): "exp003",
    ("sh", "-c", "FOLD=1 python exp004/run.py --fold 1"): "exp004",
    ("make",): "make",
    ("make", "-j4", "train"): "train",
    ("make", "-C", "solver"): "solver",
    ("make", "-Csolver", "run"): "solver",
    ("make", "--directory=solver", "run"): "solver",
    ("./solver/main",): "solver",
    ("main",): "main",
    ("torchrun", "--nproc_per_node", "2", "exp001.py"): "exp001",
    ("accelerate", "launch", "exp002/train.py"): "exp002",
    ("uv", "run", "exp003.py"): "exp003",
    ("timeout", "8h", "python", "exp004.py"): "exp004",
    ("nice", "python3.11", "exp005.py"): "exp005",
    ("python", "-W", "ignore", "exp006.py"): "exp006",
    ("Rscript", "exp007.R"): "exp007",
    ("env", "-u", "X", "python", "exp008.py"): "exp008",
    ("/usr/bin/python", "exp009.py"): "exp009",
    ("make", "-j", "4", "train"): "train",
    ("bash", "-c", "cd exp011 && python run.py"): "exp011",
    ("bash", "-c", "cd exp1.5 && make"): "exp1.5",
    ("solver/run", "-m", "4"): "solver",
    ("./solve", "-c", "cfg.yaml"): "solve",
    ("exp010/infer", "--plugin", "exp020/x.py"): "exp010",
    ("python", "-c", "# it's"): "# it's",
    ("make", "-C", "."): "make",
}


@pytest.mark.parametrize(("entry", "name"), CASES.items(), ids=" ".join)
def test_the_entry_point_names_the_experiment(entry: tuple[str, ...], name: str) -> None:
    assert experiment_of(entry) == name
    (one,) = fold([samples.pushed(1, entry=entry), samples.submitted(1)])
    assert one.experiment == name
