"""HTTP without the 40 ms that two machines lose to each other's patience.

Clients that speak through `http_proxy` send headers and body apart and keep Nagle's algorithm on (urllib3 does so for
proxies), and the kernel acknowledges the first half late: every call but the first of a connection would wait for it.
Kaggle, spoken to directly, costs nobody that.
"""

from __future__ import annotations

import socket

from uvicorn.protocols.http.h11_impl import H11Protocol

# Linux only, and the kernel falls back from it: it is set with every piece that arrives.
_QUICK = getattr(socket, "TCP_QUICKACK", None)


class Prompt(H11Protocol):
    """uvicorn's protocol, which acknowledges what arrived at once."""

    def data_received(self, data: bytes) -> None:
        """Take a piece of a request."""
        connection = self.transport.get_extra_info("socket")
        if _QUICK is not None and connection is not None:
            connection.setsockopt(socket.IPPROTO_TCP, _QUICK, 1)
        super().data_received(data)
