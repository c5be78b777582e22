"""What a server that can do WebSockets and the app expect of one another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

#: Close codes (RFC 6455, 7.4.1, and IANA's registry).
GOING_AWAY, POLICY, TOO_BIG, FAULT, RESTART, TRY_LATER = 1001, 1008, 1009, 1011, 1012, 1013


@dataclass(frozen=True, slots=True)
class ClientMessage:
    """A whole message; `is_text` false where it is of bytes, which are not kept."""

    data: bytes
    is_text: bool = True


class WebSocket(Protocol):
    """An open WebSocket. Where it is gone, what sends raises OSError."""

    @property
    def is_clear(self) -> bool:
        """Whether a line can be sent without waiting."""
        ...

    def receive(self, weigh: Callable[[int], None]) -> ClientMessage | None:
        """Return the next message; None once there will be none.

        `weigh` is called as a long one grows, with its size so far in bytes; what it raises is
        raised here.

        Raises:
            RequestTooLarge: it is longer than a body may be.
        """
        ...

    def send(self, lines: Sequence[bytes]) -> None:
        """Send each of the lines as a message of text, once all before it are sent."""
        ...

    def send_soon(self, lines: Sequence[bytes]) -> None:
        """Send without waiting; only where it `is_clear`."""
        ...

    def close(self, code: int, reason: str) -> None:
        """Say that it ends; `receive` returns None once the caller has said so, too."""
        ...

    def spawn(self, work: Callable[[], None]) -> None:
        """Have `work` done beside what goes on."""
        ...


class WebSocketHandler(Protocol):
    """Who talks on a WebSocket."""

    def run(self, socket: WebSocket) -> None:
        """Talk until it is over."""
        ...

    def look(self, now: float) -> None:
        """See whether it is to end, now and then; `now` is like time.monotonic(). Never waits."""
        ...

    def retire(self) -> None:
        """End it, as this process ends, once what runs has ended. Never waits."""
        ...


class WebSocketUpgrade(Protocol):
    """A request's way to become a WebSocket."""

    def accept(self, handler: WebSocketHandler, subprotocol: str | None) -> None:
        """Have `handler` talk on it, once the request is answered with 101.

        Raises:
            InvalidRequest: the handshake is not one.
        """
        ...
