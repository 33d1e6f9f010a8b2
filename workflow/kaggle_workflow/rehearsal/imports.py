"""What to do about an import that fails: Kaggle's image has the package, or the deps notebook has to bring it."""

from __future__ import annotations

import re

_NO_MODULE = re.compile(r"No module named '(?P<module>[\w.]+)'")

# Package names of modules that are called differently.
_DISTRIBUTIONS = {
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "faiss": "faiss-cpu",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
}

# What Kaggle's Python image has been carrying for years (its public build files name them); the rest is not known here.
_IN_THE_IMAGE = frozenset(
    (
        *(
            "albumentations",
            "bokeh",
            "catboost",
            "cv2",
            "dask",
            "fastai",
            "gensim",
            "h5py",
            "huggingface_hub",
            "jax",
            "joblib",
        ),
        *(
            "keras",
            "lightgbm",
            "matplotlib",
            "networkx",
            "nltk",
            "numba",
            "numpy",
            "optuna",
            "pandas",
            "PIL",
            "plotly",
            "polars",
        ),
        *(
            "pyarrow",
            "requests",
            "scipy",
            "seaborn",
            "shap",
            "skimage",
            "sklearn",
            "spacy",
            "statsmodels",
            "sympy",
            "tensorflow",
        ),
        *(
            "timm",
            "tokenizers",
            "torch",
            "torchaudio",
            "torchvision",
            "tqdm",
            "transformers",
            "xgboost",
            "yaml",
        ),
    )
)


def advice(text: str) -> str | None:
    """What to do about the failed import that `text` tells of, None when it tells of none."""
    match = _NO_MODULE.search(text)
    if match is None:
        return None
    module = match["module"].split(".")[0]
    package = _DISTRIBUTIONS.get(module, module)
    if module in _IN_THE_IMAGE:
        return f"Kaggle's image has {package}, the local one does not: add {package} to deps/image.txt."
    return (
        f"if Kaggle's image has {package}, add it to deps/image.txt; if not, to deps/requirements.txt; "
        "if it is a module of yours, look for it in codes/."
    )
