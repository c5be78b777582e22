"""The places that an upstream may be at, good and bad."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from asyncio.trsock import TransportSocket
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.upstream.bed import Bed
from tests.upstream.server import Connection, Resetting

#: Self-signed, for localhost and 127.0.0.1; it guards nothing.
CERTIFICATE = Path(__file__).parent / "certificate.pem"

_HOST = "127.0.0.1"
_BACKLOG = 4096


@dataclass(frozen=True, slots=True)
class Places:
    """Base addresses. All but `url` and `tls` fail: `refused` at once, `reset` after the
    connection is made, `deaf` never takes one.
    """

    url: str
    tls: str
    refused: str
    reset: str
    deaf: str

    def shown(self) -> dict[str, str]:
        """Return the places as JSON shows them."""
        return asdict(self)


async def listen(bed: Bed, port: int, stack: contextlib.ExitStack) -> Places:
    """Open every place; `stack` closes what needs closing."""
    loop = asyncio.get_running_loop()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    plain = await loop.create_server(lambda: Connection(bed), _HOST, port, backlog=_BACKLOG)
    tls = await loop.create_server(lambda: Connection(bed), _HOST, 0, ssl=context)
    resetting = await loop.create_server(Resetting, _HOST, 0)
    return Places(
        url=f"http://{_address(plain.sockets[0])}",
        tls=f"https://{_address(tls.sockets[0])}",
        refused=f"http://{_address(stack.enter_context(_refusing()))}",
        reset=f"http://{_address(resetting.sockets[0])}",
        deaf=f"http://{_address(stack.enter_context(_deaf()))}",
    )


def _address(listener: socket.socket | TransportSocket) -> str:
    host, port = listener.getsockname()
    return f"{host}:{port}"


@contextlib.contextmanager
def _refusing() -> Iterator[socket.socket]:
    """Hold a port that nobody listens at, so that nobody else gets it."""
    with socket.socket() as bound:
        bound.bind((_HOST, 0))
        yield bound


@contextlib.contextmanager
def _deaf() -> Iterator[socket.socket]:
    """Hold a listener whose queue is full: the kernel lets further callers wait in vain."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((_HOST, 0))
        listener.listen(0)
        for _ in range(3):
            caller = stack.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(listener.getsockname())
        yield listener
