"""What every upstream must be able to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from app.domain.identity import RequestIdentity
from app.domain.request import ModelRequest
from app.domain.stream.deltas import Batch
from app.errors import GatewayError


@dataclass(slots=True)
class UpstreamCall:
    """One call of a provider, shared by the side that reads and the side that may cancel.

    `deadline` is a time.monotonic() value after which the call has failed. `silence_s` is how long
    a streaming upstream may be quiet before an empty batch says so. `identity` is what the request
    is called, here and at the upstream; `response_id` is what it makes. `provider` is the upstream
    that answers, or has failed last. `request_id` is the upstream's own id of the request, once it
    told one. `attempts` counts how often an upstream was asked, fallbacks and what was sent anew on
    a new connection included. `relay` may be set once the answer has begun: it is offered what
    is said as soon as it came, and what it takes is left out of the batches. It must not wait.
    `fault` is why the call was given up, where that was not the caller's doing.
    """

    deadline: float
    silence_s: float = 15.0
    identity: RequestIdentity | None = None
    response_id: str | None = None
    provider: str | None = None
    request_id: str | None = None
    attempts: int = 0
    cancelled: bool = False
    fault: GatewayError | None = None
    relay: Callable[[Batch], bool] | None = None
    _closers: list[Callable[[], None]] = field(default_factory=list)

    def count_attempt(self) -> None:
        """Note that an upstream is asked, once more."""
        self.attempts += 1

    def attach(self, close: Callable[[], None]) -> None:
        """Have `close` called on cancel, from whatever thread: it must make the reader wake."""
        self._closers.append(close)
        if self.cancelled:
            close()

    def cancel(self) -> None:
        """Give the upstream up; whoever reads from it gets CallerGone."""
        self.cancelled = True
        for close in self._closers:
            close()

    def abort(self, fault: GatewayError) -> None:
        """Give the upstream up because of a fault of ours, from whatever thread."""
        self.fault = fault
        self.cancel()


class Provider(Protocol):
    """An upstream model server. `name` is its name in gateway.toml."""

    @property
    def name(self) -> str: ...

    def ignored(self, request: ModelRequest) -> tuple[str, ...]:
        """Name the parameters of the request that this upstream cannot honour."""
        ...

    def answer(self, request: ModelRequest, call: UpstreamCall) -> Iterator[Batch]:
        """Yield what the model says, in order, as batches that end with Finished.

        Nothing is sent before the first batch is asked for. Closing the iterator closes the
        upstream connection.

        Raises:
            InvalidRequest, NotFound: the upstream found fault with the request (U3), or the
                request cannot be told in this upstream's words; `param` names the field.
            ContextLengthExceeded: the context is too long for the model.
            UpstreamRateLimited, UpstreamUnavailable, UpstreamTimeout, UpstreamMisbehaved:
                the upstream failed us, before or during the answer (U1, U2, U4).
            CallerGone: the call was cancelled.
        """
        ...

    def models(self) -> tuple[str, ...]:
        """Ask the upstream which models it serves; () where it cannot tell.

        Raises:
            UpstreamUnavailable, UpstreamTimeout, UpstreamMisbehaved
        """
        ...
