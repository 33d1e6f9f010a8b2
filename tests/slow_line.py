"""A line between a client and the local Kaggle that is as bad as a hotel's: slow to answer, narrow, torn, at times dead.

    with SlowLine(kaggle.port, Weather(delay=0.3, rate=30_000)) as line:
        subprocess.run([...], env={**kaggle.environment(), "http_proxy": line.url})

It forwards TCP, so the clients speak over it as they speak over any proxy. Only this machine is ever connected to.
"""

from __future__ import annotations

import asyncio
import random
import socket
import threading
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import pytest

if TYPE_CHECKING:
    from types import TracebackType

_PIECE = 2048
# Small, so that a sender feels the line at once instead of filling the memory of two kernels.
_BUFFER = 16_384
_START_SECONDS = 10.0


def narrow(patch: pytest.MonkeyPatch) -> None:
    """Let no more wait in this machine, of what this process sends, than a slow line lets.

    Over the loopback's segments of 64 kB a kernel takes a megabyte from a sender, who so never feels the line, and goes on
    sending it when the connection was given up.
    """
    connect = socket.socket.connect

    def small(self: socket.socket, address: Any) -> None:
        self.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
        connect(self, address)

    patch.setattr(socket.socket, "connect", small)


@dataclass(frozen=True)
class Weather:
    """What the line does.

    Attributes:
        delay: seconds that a piece of data takes, each way.
        jitter: up to so many seconds more, by chance; the order stays.
        rate: bytes a second, each way, shared by all connections; 0 for no limit.
        torn_after: a connection breaks when about so many bytes (half to one and a half of it) went over it; 0 for never.
        tears: how many connections break at most; 0 for any number.
        dead_after: after about so many bytes nothing passes for `dead_seconds`, and connections stay; 0 for never.
        dead_seconds: how long that is.
        seed: what gives the same chances again.
    """

    delay: float = 0.0
    jitter: float = 0.0
    rate: float = 0.0
    torn_after: int = 0
    tears: int = 0
    dead_after: int = 0
    dead_seconds: float = 0.0
    seed: int = 0


class SlowLine:
    """A forwarder to a port of this machine, in a thread of its own; a context manager.

    Attributes:
        passed: bytes that came through, by `up` and `down`.
        torn: how many connections the line broke.
        dead: how often it was dead for a while.
    """

    def __init__(self, port: int, weather: Weather) -> None:
        """`port` is where the server listens on the loopback."""
        self.passed: Counter[str] = Counter()
        self.torn = self.dead = 0
        self._target, self._weather = port, weather
        self._dice = random.Random(weather.seed)  # noqa: S311 - reproducible, not secret
        self._free = {"up": 0.0, "down": 0.0}
        self._alive_in = self._about(weather.dead_after)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        self.port: int = self._listening.getsockname()[1]
        # The loop itself would let go of them while they wait.
        self._connections: set[asyncio.Task[None] | None] = set()
        self._ready = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve()), daemon=True, name="slow-line"
        )

    @property
    def url(self) -> str:
        """What a client takes as `http_proxy`."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(_START_SECONDS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_START_SECONDS)
        assert not self._thread.is_alive()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with await asyncio.start_server(self._connected, sock=self._listening, limit=_PIECE):
            self._ready.set()
            await self._stop.wait()
            while others := asyncio.all_tasks() - {asyncio.current_task()}:
                for task in others:
                    task.cancel()
                await asyncio.wait(others)

    async def _connected(self, near: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        self._connections.add(asyncio.current_task())
        far, far_out = await asyncio.open_connection("127.0.0.1", self._target, limit=_PIECE)
        ends = (near_out, far_out)
        for end in ends:
            end.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            end.transport.set_write_buffer_limits(high=_PIECE)
        left = [self._about(self._weather.torn_after)]
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._carry("up", near, far_out, left))
                group.create_task(self._carry("down", far, near_out, left))
        except* (OSError, _Torn, asyncio.CancelledError):
            for end in ends:
                # A reset, not an end: nobody takes half an answer for a whole one.
                end.transport.abort()
        finally:
            for end in ends:
                end.close()
            self._connections.discard(asyncio.current_task())

    async def _carry(
        self, way: str, source: asyncio.StreamReader, target: asyncio.StreamWriter, left: list[float]
    ) -> None:
        """One way of one connection: pieces wait for their turn on the line, then travel."""
        travelling: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(64)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._arrive(travelling, target))
            while piece := await source.read(_PIECE):
                await self._turn(way, len(piece))
                left[0] -= len(piece)
                if left[0] < 0 and not 0 < self._weather.tears <= self.torn:
                    self.torn += 1
                    raise _Torn
                self.passed[way] += len(piece)
                await travelling.put((self._now() + self._travel(), piece))
            await travelling.put((self._now() + self._travel(), b""))

    async def _arrive(
        self, travelling: asyncio.Queue[tuple[float, bytes]], target: asyncio.StreamWriter
    ) -> None:
        while True:
            due, piece = await travelling.get()
            await asyncio.sleep(max(0.0, due - self._now()))
            if not piece:
                target.write_eof()
                return
            target.write(piece)
            await target.drain()

    async def _turn(self, way: str, size: int) -> None:
        """Wait until the line has sent what came before, and this."""
        self._alive_in -= size
        if self._alive_in < 0:
            self.dead += 1
            self._alive_in = self._about(self._weather.dead_after)
            for name in self._free:
                self._free[name] = max(self._free[name], self._now()) + self._weather.dead_seconds
        begin = max(self._free[way], self._now())
        self._free[way] = begin + (size / self._weather.rate if self._weather.rate else 0.0)
        await asyncio.sleep(self._free[way] - self._now())

    def _travel(self) -> float:
        return self._weather.delay + self._dice.random() * self._weather.jitter

    def _about(self, size: int) -> float:
        return size * (0.5 + self._dice.random()) if size else float("inf")

    def _now(self) -> float:
        return self._loop.time()


class _Torn(Exception):
    """The line broke a connection."""
