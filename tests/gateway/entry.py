"""A submission as competitors write it: a function, and one of two calls."""

import os
import time

from kaggle_evaluation.wine_inference_server import WineInferenceServer  # type: ignore[import-not-found]  # as it is mounted

import kaggle_shim


def predict(row: str) -> int:
    time.sleep(0.2)  # a model that takes its time
    return len(row)


server = WineInferenceServer(predict)
if os.environ.get("KAGGLE_IS_COMPETITION_RERUN"):
    server.serve()
else:
    server.run_local_gateway((str(kaggle_shim.find() / "test.csv"),))
