"""The two sides: the gateway asks, the inference server answers."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from kaggle_evaluation.core import relay  # type: ignore[import-not-found]  # as it is mounted

IN_RERUN = bool(os.environ.get("KAGGLE_IS_COMPETITION_RERUN"))


class Gateway:
    """Asks for every row and writes the submission where it stands."""

    def __init__(self, data_paths: tuple[str, ...] | None) -> None:
        self.data_paths = data_paths
        self.client = relay.Client("inference_server" if IN_RERUN else "localhost")

    def rows(self) -> Iterator[str]:
        raise NotImplementedError

    def run(self) -> None:
        try:
            lines = [f"{row},{self.client.ask('predict', row)}\n" for row in self.rows()]
        except Exception as error:
            self._result(Succeeded=False, ErrorName="SERVER_RAISED_EXCEPTION", ErrorDetails=str(error))
            raise
        Path("submission.csv").write_text("id,target\n" + "".join(lines), encoding="utf-8")
        self._result(Succeeded=True)

    def _result(self, **value: Any) -> None:
        if IN_RERUN:
            Path("result.json").write_text(json.dumps(value), encoding="utf-8")


class InferenceServer:
    """Answers with the functions it is given."""

    def __init__(self, *functions: Callable[..., Any]) -> None:
        self.server = relay.server(*functions)

    def gateway(self, data_paths: tuple[str, ...]) -> Gateway:
        raise NotImplementedError

    def serve(self) -> None:
        self.server.start()
        if IN_RERUN:
            self.server.wait_for_termination()

    def run_local_gateway(self, data_paths: tuple[str, ...]) -> None:
        self.server.start()
        try:
            self.gateway(data_paths).run()
        finally:
            self.server.stop(0)
