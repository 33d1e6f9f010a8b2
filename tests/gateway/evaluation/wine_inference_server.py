"""The competition's server."""

from typing import Any

from kaggle_evaluation import wine_gateway  # type: ignore[import-not-found]  # as above
from kaggle_evaluation.core import templates  # type: ignore[import-not-found]  # as it is mounted


class WineInferenceServer(templates.InferenceServer):  # type: ignore[misc]  # as above
    def gateway(self, data_paths: tuple[str, ...]) -> Any:
        return wine_gateway.WineGateway(data_paths)
