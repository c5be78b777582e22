"""One response on a WebSocket: its request, and how it is stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.api.in_flight import Place
from app.api.server_keys import TURN
from app.domain.upstream_call import UpstreamCall
from app.errors import ResponseCancelled
from app.services.answering.turn_memory import TurnMemory


@dataclass(slots=True, eq=False)
class SocketTurn:
    """A `response.create`: `body` is what a POST would send; it takes `memory_bytes` of memory.

    `stream_id` is its lane, None for the unnamed one. `memory` is its view of the connection's
    memory. `place` is its message's place among the requests in flight until it is answered.
    """

    stream_id: str | None
    body: dict[str, Any]
    length: int
    memory_bytes: int
    generates: bool
    memory: TurnMemory
    place: Place | None = None
    #: Called when the caller disconnects, once `watch` has set it.
    on_gone: Callable[[], None] | None = None
    _call: UpstreamCall | None = None
    _is_cancelled: bool = False
    _is_gone: bool = False

    @property
    def lane(self) -> str:
        """The name of its lane, "" for the unnamed one."""
        return self.stream_id or ""

    @property
    def response_id(self) -> str | None:
        """The id of its response, once that is known."""
        return None if self._call is None else self._call.response_id

    def attach(self, call: UpstreamCall) -> None:
        """Make cancelling this turn stop its upstream call."""
        self._call = call
        if self._is_cancelled:
            self.cancel()

    def watch(self, gone: Callable[[], None]) -> None:
        """Call `gone` once when the caller disconnects, at once if that has happened already."""
        self.on_gone = gone
        if self._is_gone:
            self.leave()

    def cancel(self) -> None:
        """Cancel the response, as its caller requests: its status becomes cancelled."""
        self._is_cancelled = True
        if self._call is not None:
            self._call.abort(ResponseCancelled("The response was cancelled."))

    def leave(self) -> None:
        """Record that its caller has disconnected."""
        self._is_gone = True
        gone, self.on_gone = self.on_gone, None
        if gone is not None:
            gone()


def turn_of(environ: dict[str, Any]) -> SocketTurn | None:
    """Return the request's turn, None if it came over HTTP."""
    return environ.get(TURN)
