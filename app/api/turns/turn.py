"""One response on a WebSocket: what is asked, and how it can be stopped."""

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
    """A `response.create`: the `body` that a POST would have, which takes `memory_bytes`.

    `stream_id` is its lane, None for the one without a name. `memory` is what it sees of its
    connection's. `place` is what its message takes of this process until it is answered.
    """

    stream_id: str | None
    body: dict[str, Any]
    length: int
    memory_bytes: int
    generates: bool
    memory: TurnMemory
    place: Place | None = None
    #: What to do when its caller has gone, once there is something.
    on_gone: Callable[[], None] | None = None
    _call: UpstreamCall | None = None
    _is_cancelled: bool = False
    _is_gone: bool = False

    @property
    def lane(self) -> str:
        """The name of its lane, "" for the one without."""
        return self.stream_id or ""

    @property
    def response_id(self) -> str | None:
        """Which response it makes, once that is known."""
        return None if self._call is None else self._call.response_id

    def attach(self, call: UpstreamCall) -> None:
        """Have its upstream's call be stopped with it."""
        self._call = call
        if self._is_cancelled:
            self.cancel()

    def watch(self, gone: Callable[[], None]) -> None:
        """Have `gone` be called, once, when its caller leaves: at once, where that has happened."""
        self.on_gone = gone
        if self._is_gone:
            self.leave()

    def cancel(self) -> None:
        """Give it up, as its caller wants: it ends as cancelled."""
        self._is_cancelled = True
        if self._call is not None:
            self._call.abort(ResponseCancelled("The response was cancelled."))

    def leave(self) -> None:
        """Take note that its caller has gone."""
        self._is_gone = True
        gone, self.on_gone = self.on_gone, None
        if gone is not None:
            gone()


def turn_of(environ: dict[str, Any]) -> SocketTurn | None:
    """Return the turn that a request is, None where it came over HTTP."""
    return environ.get(TURN)
