"""What every upstream must be able to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from app.domain.hosted.policy import PassPolicy
from app.domain.models import Honoured, ModelFacts
from app.domain.request import ModelRequest
from app.domain.stream.deltas import Batch
from app.domain.upstream_call import UpstreamCall


class Provider(Protocol):
    """An upstream model server. `name` is its name in gateway.toml."""

    @property
    def name(self) -> str: ...

    def known_tools(self, model: str, /) -> frozenset[str]:
        """Return the types of tools that this model is sent as they are, beside functions; of
        items that bring tools (G1-G3); and what stands for tools that it runs itself (P2).
        """
        ...

    @property
    def policy(self) -> PassPolicy:
        """What it is sent as it came, though the gateway does not know it (P1, P2)."""
        ...

    @property
    def reads_compactions(self) -> bool:
        """Whether what its own service has compacted can be sent back to it (G8)."""
        ...

    def ignored(self, request: ModelRequest) -> tuple[str, ...]:
        """Name the parameters of the request that this upstream cannot honour."""
        ...

    def answer(self, request: ModelRequest, call: UpstreamCall) -> Iterator[Batch]:
        """Yield what the model says, in order, as batches that end with Finished.

        Nothing is sent before the first batch is wanted. Closing the iterator closes the
        upstream connection. `call.key` says by which of its keys it is called, if it has several.

        Raises:
            InvalidRequest, NotFound: the upstream found fault with the request (U3), or the
                request cannot be written in this format; `param` names the field.
            ContextLengthExceeded: the context is too long for the model.
            UpstreamRateLimited, UpstreamUnavailable, UpstreamTimeout, UpstreamMisbehaved:
                the upstream failed us, before or during the answer (U1, U2, U4).
            CallerGone: the call was cancelled.
        """
        ...

    def count_input(self, request: ModelRequest, call: UpstreamCall) -> int | None:
        """Return how many tokens the input is, counted without answering; None where it cannot
        tell (G9).

        Raises:
            CallerGone: the call was cancelled.
        """
        ...

    def describe(self, model: str) -> tuple[ModelFacts, Honoured]:
        """Return what is known of a model by its name and the last list, without asking for one,
        and which parameters are honoured for it.
        """
        ...

    def models(self) -> tuple[str, ...]:
        """Ask the upstream which models it serves; () where it cannot tell.

        Raises:
            UpstreamUnavailable, UpstreamTimeout, UpstreamMisbehaved
        """
        ...
