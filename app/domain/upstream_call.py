"""One call of a model provider, as shared by its reader and whoever may cancel it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from app.domain.identity import RequestIdentity
from app.domain.response import Usage
from app.domain.stream.deltas import Batch
from app.errors import GatewayError


@dataclass(slots=True)
class UpstreamCall:
    """One call of a provider, shared by the side that reads and the side that may cancel.

    `deadline` is a time.monotonic() value after which the call has failed. `silence_s` is how long
    a streaming upstream may be silent before it yields an empty batch. `identity` has the request's
    ids, here and at the upstream; `response_id` is the response that it makes. `provider` is the
    upstream that answers, or failed last, `key` the key of its pool that is used, None without one.
    `request_id` is the upstream's own id of the request, once it sent one. `attempts` counts
    requests to upstreams, including fallbacks and resends on a new connection; `may_cost` says that
    one may have to be paid for: one has not failed, or lost its output. `on_batch` gets each
    relayed batch until it returns true. `relay` may be set once the answer has begun: each batch is
    offered to it as soon as it is read, and left out of the answer's batches if it takes it. It
    must not block. `fault` is why the call was given up, unless the caller did that. `lost` is the
    usage of each output that a failure discarded, with its provider and that one's name of the
    model. `note_called` records whether an upstream may have been called, as others may charge the
    call: false while it waits, as long as `may_cost` is false, and true before an attempt.
    """

    deadline: float
    silence_s: float = 15.0
    identity: RequestIdentity | None = None
    response_id: str | None = None
    provider: str | None = None
    key: str | None = None
    request_id: str | None = None
    attempts: int = 0
    may_cost: bool = False
    cancelled: bool = False
    fault: GatewayError | None = None
    lost: list[tuple[tuple[str, str], Usage]] = field(default_factory=list)
    note_called: Callable[[bool], None] | None = None
    relay: Callable[[Batch], bool] | None = None
    on_batch: Callable[[Batch], bool] | None = None
    _is_noted_uncalled: bool = False
    _closers: list[Callable[[], None]] = field(default_factory=list)

    def count_attempt(self) -> None:
        """Count one more request to an upstream, before it is made."""
        if self._is_noted_uncalled and self.note_called is not None:
            self._is_noted_uncalled = False
            self.note_called(True)
        self.attempts += 1

    def begin_waiting(self) -> None:
        """Record that the call waits to be made, or made again, if nothing was paid for it yet."""
        if self.note_called is not None and not self.may_cost and not self._is_noted_uncalled:
            self._is_noted_uncalled = True
            self.note_called(False)

    def relay_to(self, relay: Callable[[Batch], bool]) -> None:
        """Offer batches to `relay` from now on."""
        on_batch = self.on_batch
        if on_batch is None:
            self.relay = relay
            return

        def watched(batch: Batch) -> bool:
            if on_batch(batch):
                self.relay = relay
            return relay(batch)

        self.relay = watched

    def attach(self, close: Callable[[], None]) -> None:
        """Call `close` on cancel, from any thread: it must wake the reader."""
        self._closers.append(close)
        if self.cancelled:
            close()

    def cancel(self) -> None:
        """Give up the upstream call; its reader gets CallerGone."""
        self.cancelled = True
        for close in self._closers:
            close()

    def abort(self, fault: GatewayError) -> None:
        """Give up the upstream call because of a fault of ours, from any thread."""
        self.fault = fault
        self.cancel()
