"""Questions and answers over gRPC: JSON in both directions, one method."""

import json
import socket
import time
from collections.abc import Callable
from concurrent import futures
from typing import Any

import grpc

STARTUP_LIMIT_SECONDS = 60 * 15
PORTS = (50051, 60053)
_METHOD = "/evaluation.Service/Send"


class Client:
    """Asks a server that may not be up yet."""

    def __init__(self, host: str) -> None:
        self.host = host
        self._send: Callable[..., bytes] | None = None

    def ask(self, name: str, *values: Any) -> Any:
        question = json.dumps([name, values]).encode()
        if self._send is not None:
            return json.loads(self._send(question, timeout=60))
        until = time.monotonic() + STARTUP_LIMIT_SECONDS
        while time.monotonic() < until:
            socket.gethostbyname(self.host)
            for port in PORTS:
                send = grpc.insecure_channel(f"{self.host}:{port}").unary_unary(_METHOD)
                try:
                    answer = send(question, timeout=60)
                except grpc.RpcError as error:
                    if error.code() != grpc.StatusCode.UNAVAILABLE:
                        raise
                    continue
                self._send = send
                return json.loads(answer)
            time.sleep(0.1)
        raise TimeoutError(f"no server at {self.host} within {STARTUP_LIMIT_SECONDS} s")


class _Handler(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
    def __init__(self, functions: tuple[Callable[..., Any], ...]) -> None:
        self._functions = {function.__name__: function for function in functions}

    def service(self, details: Any) -> Any:
        return grpc.unary_unary_rpc_method_handler(self._answer) if details.method == _METHOD else None

    def _answer(self, question: bytes, _context: Any) -> bytes:
        name, values = json.loads(question)
        return json.dumps(self._functions[name](*values)).encode()


def server(*functions: Callable[..., Any]) -> Any:
    made = grpc.server(futures.ThreadPoolExecutor(max_workers=1))
    made.add_generic_rpc_handlers((_Handler(functions),))
    made.add_insecure_port(f"[::]:{PORTS[0]}")
    return made
