"""A server that says exactly the bytes a test wants, connection by connection."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType

from tests.processes import PATIENCE_S

#: Self-signed, for localhost and 127.0.0.1.
CERTIFICATE = Path(__file__).parent.parent / "upstream" / "certificate.pem"

OK = b"HTTP/1.1 200 OK\r\n"


@dataclass(frozen=True)
class Heard:
    """A request as it came."""

    line: str
    headers: dict[str, str]
    body: bytes


class Wire:
    """The server's end of one connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._read = b""

    def hear(self) -> Heard:
        """Read one request; raises EOFError when there is none."""
        while b"\r\n\r\n" not in self._read:
            self._more()
        head, _, self._read = self._read.partition(b"\r\n\r\n")
        line, *rest = head.decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value for name, _, value in (each.partition(": ") for each in rest)
        }
        length = int(headers.get("content-length", "0"))
        while len(self._read) < length:
            self._more()
        body, self._read = self._read[:length], self._read[length:]
        return Heard(line, headers, body)

    def say(self, *pieces: bytes) -> None:
        """Send each piece by itself."""
        for piece in pieces:
            self.sock.sendall(piece)

    def answer(self, body: bytes, head: bytes = OK) -> None:
        """Send an answer with its length."""
        self.say(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def serve_tls(self) -> None:
        """Become the server's end of a TLS connection."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        self.sock = context.wrap_socket(self.sock, server_side=True)

    def reset(self) -> None:
        """Close in the rude way."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def wait_for_hang_up(self) -> None:
        """Return once the other end has closed."""
        with contextlib.suppress(OSError):
            while self.sock.recv(65536):
                continue

    def _more(self) -> None:
        data = self.sock.recv(65536)
        if not data:
            raise EOFError
        self._read += data


Script = Callable[[Wire], None]


class RawServer:
    """Serves each connection by the next script; the last script serves all that follow.

    `served` counts the connections.
    """

    def __init__(self, *scripts: Script) -> None:
        self._scripts = scripts
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._wires: list[Wire] = []
        self._threads: list[threading.Thread] = []
        self.served = 0
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self.tls_url = f"https://localhost:{self.port}/v1"

    def __enter__(self) -> RawServer:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for wire in self._wires:
            with contextlib.suppress(OSError):
                wire.sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def _start(self, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            script = self._scripts[min(self.served, len(self._scripts) - 1)]
            self.served += 1
            wire = Wire(sock)
            self._wires.append(wire)
            self._start(partial(self._serve, wire, script))

    def _serve(self, wire: Wire, script: Script) -> None:
        with contextlib.suppress(OSError, EOFError):
            script(wire)
        with contextlib.suppress(OSError):
            wire.sock.close()


def deaf_address(stack: contextlib.ExitStack) -> tuple[str, int]:
    """Return an address whose queue is full: who connects is not answered, as by a dead host."""
    listener = stack.enter_context(socket.socket())
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    address: tuple[str, int] = listener.getsockname()
    for _ in range(3):
        caller = stack.enter_context(socket.socket())
        caller.setblocking(False)
        caller.connect_ex(address)
    return address
