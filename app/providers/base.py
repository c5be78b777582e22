"""The interface that every provider implements."""

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
        """Return the types of tools, and of items that bring tools, that the model gets unchanged.

        They are those besides functions (items: G1-G3), and the marks of tools that the upstream
        runs itself (P2).
        """
        ...

    @property
    def policy(self) -> PassPolicy:
        """Which fields and tools unknown to the gateway are sent to it unchanged (P1, P2)."""
        ...

    @property
    def reads_compactions(self) -> bool:
        """Whether compaction items made by its own service can be sent back to it (G8)."""
        ...

    def ignored(self, request: ModelRequest) -> tuple[str, ...]:
        """Name the parameters of the request that this upstream cannot honour."""
        ...

    def answer(self, request: ModelRequest, call: UpstreamCall) -> Iterator[Batch]:
        """Yield the model's answer, in order, as batches that end with Finished.

        The request is sent when the first batch is read. Closing the iterator closes the
        upstream connection. `call.key` is the id of the key to use, if the provider has several.

        Raises:
            InvalidRequest, NotFound: the upstream rejected the request (U3), or the request
                cannot be expressed in this format; `param` names the field.
            ContextLengthExceeded: the context is too long for the model.
            UpstreamRateLimited, UpstreamUnavailable, UpstreamTimeout, UpstreamMisbehaved:
                the upstream failed, before or during the answer (U1, U2, U4).
            CallerGone: the call was cancelled.
        """
        ...

    def count_input(self, request: ModelRequest, call: UpstreamCall) -> int | None:
        """Return the number of input tokens; None if the upstream cannot count them (G9).

        The model is not run.

        Raises:
            CallerGone: the call was cancelled.
        """
        ...

    def describe(self, model: str) -> tuple[ModelFacts, Honoured]:
        """Return a model's facts, and which parameters are honoured for it, without a request.

        The facts are what its name and the latest model list say.
        """
        ...

    def models(self) -> tuple[str, ...]:
        """Ask the upstream which models it serves; () if it cannot list them.

        Raises:
            UpstreamUnavailable, UpstreamTimeout, UpstreamMisbehaved
        """
        ...
