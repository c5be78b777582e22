"""The interface between the app and a server that supports WebSockets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

#: Close codes (RFC 6455, 7.4.1, and IANA's registry).
GOING_AWAY, POLICY, TOO_BIG, FAULT, RESTART, TRY_LATER = 1001, 1008, 1009, 1011, 1012, 1013


@dataclass(frozen=True, slots=True)
class ClientMessage:
    """A whole message; `is_text` is false for a binary one, whose bytes are not kept."""

    data: bytes
    is_text: bool = True


@dataclass(frozen=True, slots=True)
class Closure:
    """Why the server has ended a connection; `code` is None if it sent no close frame."""

    code: int | None
    reason: str


class WebSocket(Protocol):
    """An open WebSocket. Its sending methods raise OSError once the connection is closed."""

    @property
    def closure(self) -> Closure | None:
        """Why the server has ended it; None while it is open, and if its client has ended it."""
        ...

    @property
    def is_clear(self) -> bool:
        """Whether a line can be sent without waiting."""
        ...

    def receive(self, weigh: Callable[[int], None]) -> ClientMessage | None:
        """Return the next message, or None when the connection has ended.

        `weigh` is called while a long message grows, with its size so far in bytes; what it raises
        is raised here.

        Raises:
            RequestTooLarge: the message is longer than a body may be.
        """
        ...

    def send(self, lines: Sequence[bytes]) -> None:
        """Send each line as a text message, after all earlier ones."""
        ...

    def send_soon(self, lines: Sequence[bytes]) -> None:
        """Send without waiting; call it only if `is_clear`."""
        ...

    def close(self, code: int, reason: str) -> None:
        """Send a close frame; `receive` returns None once the caller has answered it."""
        ...

    def hang_up(self) -> None:
        """End the connection: the client shall not wait for what still runs."""
        ...

    def count_request(self) -> None:
        """Count a request, since a process may have to end after a number of them."""
        ...

    def spawn(self, work: Callable[[], None]) -> None:
        """Run `work` concurrently."""
        ...


class WebSocketHandler(Protocol):
    """The conversation on a WebSocket."""

    def run(self, socket: WebSocket) -> None:
        """Handle messages until the connection ends."""
        ...

    def abandon(self) -> None:
        """Give the conversation up before it has begun: the caller left during the handshake."""
        ...

    def look(self, now: float) -> None:
        """Check from time to time whether to end; `now` is like time.monotonic(). Never blocks."""
        ...

    def retire(self) -> None:
        """End it once its running responses have ended, as this process stops. Never blocks."""
        ...


class WebSocketUpgrade(Protocol):
    """Turns an HTTP request into a WebSocket."""

    def accept(self, handler: WebSocketHandler, subprotocol: str | None) -> None:
        """Let `handler` take over the connection once the request is answered with 101.

        Raises:
            InvalidRequest: the handshake is malformed.
        """
        ...
