"""A code base that imports what five kinds of public repositories import, and which images have it.

Only the imports count: the functions are stand-ins.
"""

from __future__ import annotations

FILES = {
    "main.py": """
import tabular.train
import vision.train
from nlp import answer
from series.forecast import predict_all
from simulation import arena
""",
    # Gradient boosting on tables.
    "tabular/__init__.py": "",
    "tabular/settings.py": """
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml
from box import Box
from omegaconf import OmegaConf

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib
""",
    "tabular/features.py": """
from distutils.util import strtobool

import numpy as np
import pandas as pd
import polars as pl
from category_encoders import TargetEncoder
from sklearn.preprocessing import QuantileTransformer

try:
    import cudf
except ImportError:
    cudf = None
""",
    "tabular/folds.py": """
from iterstrat.ml_stratifiers import MultilabelStratifiedKFold
from sklearn import model_selection
""",
    "tabular/models.py": """
import lightgbm, xgboost
from catboost import CatBoostRegressor, Pool
from pytorch_tabnet.tab_model import TabNetRegressor


def explain(model, rows):
    import shap

    return shap.TreeExplainer(model)(rows)
""",
    "tabular/train.py": """
import joblib
import optuna
from loguru import logger
from tabular import features, folds
from tabular.models import explain

from .settings import OmegaConf
""",
    # Image segmentation, with kernels of its own.
    "vision/__init__.py": "from .data import Slices\n",
    "vision/data.py": """
import imghdr

import albumentations as A
import cv2
import nibabel
import pydicom
from PIL import Image
from torch.utils.data import Dataset


class Slices(Dataset): ...
""",
    "vision/kernels.py": """
import cupy as cp
import pycuda.driver
import triton.language as tl
from numba import cuda
""",
    "vision/networks.py": """
import segmentation_models_pytorch as smp
import timm
import torchvision
from kornia.augmentation import RandomAffine
from monai.networks.nets import SwinUNETR
""",
    "vision/train.py": """
import imp

import pytorch_lightning
import torch.nn.functional as F
from torchmetrics import JaccardIndex

from . import kernels
from .networks import smp
""",
    # Retrieval and language models.
    "nlp/__init__.py": "",
    "nlp/corpus.py": """
import cgi
from contextlib import suppress
from typing import TYPE_CHECKING

from bs4 import BeautifulSoup
from datasets import load_dataset
from google.cloud import storage
from google.protobuf import text_format

if TYPE_CHECKING:
    from stubs_of_ours import Document

with suppress(ImportError):
    import re2
""",
    "nlp/search.py": """
import faiss
from rank_bm25 import BM25Okapi
from sentence_transformers import SentenceTransformer
""",
    "nlp/language_model.py": """
import bitsandbytes as bnb
import einops
import peft
from transformers import AutoModelForCausalLM
from vllm import LLM, SamplingParams

try:
    from flash_attn import flash_attn_func
except ModuleNotFoundError:
    from torch.nn.functional import scaled_dot_product_attention
""",
    "nlp/answer.py": """
import nltk
import spacy

from nlp.corpus import BeautifulSoup
from nlp.language_model import LLM
from nlp.search import faiss
""",
    # Time series and sound.
    "series/__init__.py": "",
    "series/sound.py": """
import audioop

import audiomentations
import librosa
import soundfile as sf
""",
    "series/signals.py": """
import antropy
import pywt
from scipy import signal
from tsfresh import extract_features
""",
    "series/feed.py": """
import asyncore
import telnetlib

import duckdb
import h5py
import holidays
import pyarrow.parquet as pq
""",
    "series/forecast/__init__.py": """
from prophet import Prophet

from ..feed import pq
from ..signals import signal
from ..sound import sf
from .classical import fit


def predict_all(): ...
""",
    "series/forecast/classical.py": """
import darts
import statsmodels.api as sm
from pmdarima import auto_arima
from sktime.forecasting.base import ForecastingHorizon
""",
    # A game with a C++ engine.
    "simulation/__init__.py": "",
    "simulation/build.py": """
import shutil, subprocess, sysconfig

from Cython.Build import cythonize
from pybind11.setup_helpers import Pybind11Extension
from setuptools import Extension
""",
    "simulation/engine.py": """
import ctypes

try:
    from simulation import _engine
except ImportError:
    import simulation.slow_engine as _engine
""",
    "simulation/slow_engine.py": "import numba\nimport simpy\n",
    "simulation/planner.py": """
import pulp
from deap import creator
from mip import Model
from ortools.sat.python import cp_model
""",
    "simulation/arena.py": """
import importlib

import gymnasium
import kaggle_environments
import kaggle_evaluation.core
import kaggle_shim
import networkx as nx
import pymunk

from . import build, engine, planner

OPPONENT = importlib.import_module("opponents.first")
""",
    # No entry point reaches it.
    "simulation/notes.py": "import not_reached\n",
}

EVERYWHERE = ("2026-08 cpu", "2026-08 gpu", "base-2026-08-19 cpu", "base-2026-08-19 gpu")
GPU = ("2026-08 gpu", "base-2026-08-19 gpu")
KAGGLE = ("2026-08 cpu", "2026-08 gpu")
BASE = ("base-2026-08-19 cpu", "base-2026-08-19 gpu")

# The distribution of each import outside codes/ and the standard library, and the images that have it.
DISTRIBUTIONS = {
    "yaml": ("pyyaml", EVERYWHERE),
    "box": ("python-box", EVERYWHERE),
    "omegaconf": ("omegaconf", EVERYWHERE),
    "distutils": ("setuptools", EVERYWHERE),
    "numpy": ("numpy", EVERYWHERE),
    "pandas": ("pandas", EVERYWHERE),
    "polars": ("polars", EVERYWHERE),
    "category_encoders": ("category-encoders", KAGGLE),
    "sklearn": ("scikit-learn", EVERYWHERE),
    "iterstrat": ("iterative-stratification", ()),
    "lightgbm": ("lightgbm", EVERYWHERE),
    "xgboost": ("xgboost", EVERYWHERE),
    "catboost": ("catboost", KAGGLE),
    "pytorch_tabnet": ("pytorch-tabnet", ()),
    "shap": ("shap", EVERYWHERE),
    "joblib": ("joblib", EVERYWHERE),
    "optuna": ("optuna", KAGGLE),
    "loguru": ("loguru", ()),
    "albumentations": ("albumentations", EVERYWHERE),
    "cv2": ("opencv-python", EVERYWHERE),
    "nibabel": ("nibabel", EVERYWHERE),
    "pydicom": ("pydicom", KAGGLE),
    "PIL": ("pillow", EVERYWHERE),
    "torch": ("torch", EVERYWHERE),
    "cupy": ("cupy-cuda12x", GPU),
    "pycuda": ("pycuda", ("2026-08 gpu",)),
    "triton": ("triton", GPU),
    "numba": ("numba", EVERYWHERE),
    "segmentation_models_pytorch": ("segmentation-models-pytorch", ()),
    "timm": ("timm", EVERYWHERE),
    "torchvision": ("torchvision", EVERYWHERE),
    "kornia": ("kornia", KAGGLE),
    "monai": ("monai", ()),
    "pytorch_lightning": ("pytorch-lightning", KAGGLE),
    "torchmetrics": ("torchmetrics", KAGGLE),
    "bs4": ("beautifulsoup4", EVERYWHERE),
    "datasets": ("datasets", EVERYWHERE),
    "google.cloud.storage": ("google-cloud-storage", EVERYWHERE),
    "google.protobuf": ("protobuf", EVERYWHERE),
    "faiss": ("faiss-cpu", ()),
    "rank_bm25": ("rank-bm25", ()),
    "sentence_transformers": ("sentence-transformers", EVERYWHERE),
    "bitsandbytes": ("bitsandbytes", ()),
    "einops": ("einops", EVERYWHERE),
    "peft": ("peft", EVERYWHERE),
    "transformers": ("transformers", EVERYWHERE),
    "vllm": ("vllm", ()),
    "nltk": ("nltk", EVERYWHERE),
    "spacy": ("spacy", EVERYWHERE),
    "audioop": ("audioop-lts", BASE),
    "audiomentations": ("audiomentations", ()),
    "librosa": ("librosa", EVERYWHERE),
    "soundfile": ("soundfile", EVERYWHERE),
    "antropy": ("antropy", ()),
    "pywt": ("pywavelets", EVERYWHERE),
    "scipy": ("scipy", EVERYWHERE),
    "tsfresh": ("tsfresh", EVERYWHERE),
    "duckdb": ("duckdb", EVERYWHERE),
    "h5py": ("h5py", EVERYWHERE),
    "holidays": ("holidays", EVERYWHERE),
    "pyarrow": ("pyarrow", EVERYWHERE),
    "prophet": ("prophet", EVERYWHERE),
    "darts": ("darts", ()),
    "statsmodels": ("statsmodels", EVERYWHERE),
    "pmdarima": ("pmdarima", ()),
    "sktime": ("sktime", ()),
    "Cython": ("cython", EVERYWHERE),
    "pybind11": ("pybind11", KAGGLE),
    "setuptools": ("setuptools", EVERYWHERE),
    "simpy": ("simpy", ()),
    "pulp": ("pulp", EVERYWHERE),
    "deap": ("deap", KAGGLE),
    "mip": ("mip", ()),
    "ortools": ("ortools", ()),
    "gymnasium": ("gymnasium", EVERYWHERE),
    "kaggle_environments": ("kaggle-environments", KAGGLE),
    "networkx": ("networkx", EVERYWHERE),
    "pymunk": ("pymunk", ()),
}

# Modules of the standard library that Python 3.12 and 3.13 removed.
REMOVED = {
    **dict.fromkeys(KAGGLE, frozenset(("imp", "asyncore"))),
    **dict.fromkeys(BASE, frozenset(("imp", "asyncore", "imghdr", "cgi", "telnetlib"))),
}


def lacking(image: str) -> set[str]:
    """What an image lacks of the imports, by the tables above."""
    absent = {module for module, (_, images) in DISTRIBUTIONS.items() if image not in images}
    # Python 3.12 has audioop in the standard library.
    return (absent - {"audioop"} if image in KAGGLE else absent) | REMOVED[image]
