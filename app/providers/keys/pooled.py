"""A provider with several keys, each with connections and an address of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress

from app.domain.models import Honoured, ModelFacts
from app.domain.request import ModelRequest
from app.domain.stream.deltas import Batch
from app.domain.upstream_call import UpstreamCall
from app.errors import GatewayError
from app.providers.http import HTTPProvider


class PooledProvider:
    """Several HTTPProviders, one for each key id, that act as a single provider.

    What is known about the provider comes from the first key's server: all are the same service.
    """

    def __init__(self, members: Mapping[str, HTTPProvider]) -> None:
        self.members = members
        self._first = next(iter(members.values()))
        self.name = self._first.name
        self.policy = self._first.policy

    def use_key(self, key_id: str, api_key: str) -> None:
        """Replace the credential of one of the keys."""
        self.members[key_id].use_key(key_id, api_key)

    def _member(self, key_id: str | None) -> HTTPProvider:
        return self._first if key_id is None else self.members[key_id]

    def known_tools(self, model: str) -> frozenset[str]:
        """Return the types of tools that are sent to this model unchanged; see Provider."""
        return self._first.known_tools(model)

    @property
    def reads_compactions(self) -> bool:
        """Whether compaction items of its own can be sent back to it; see Provider."""
        return self._first.reads_compactions

    def ignored(self, request: ModelRequest) -> tuple[str, ...]:
        """Name the parameters of the request that this server cannot honour; see Provider."""
        return self._first.ignored(request)

    def answer(self, request: ModelRequest, call: UpstreamCall) -> Iterator[Batch]:
        """Yield the model's answer, with the key that `call` names; see Provider."""
        return self._member(call.key).answer(request, call)

    def count_input(self, request: ModelRequest, call: UpstreamCall) -> int | None:
        """Return the number of input tokens, from the first key that can count; see Provider.

        If `call` names a key, only that one is used.
        """
        members = self.members.values() if call.key is None else (self._member(call.key),)
        counts = (each.count_input(request, call) for each in members)
        return next((count for count in counts if count is not None), None)

    def describe(self, model: str) -> tuple[ModelFacts, Honoured]:
        """Return what is known of a model; see Provider."""
        return self._first.describe(model)

    def models(self) -> tuple[str, ...]:
        """Ask for the models with each key in turn, until one succeeds; see Provider."""
        *others, last = self.members.values()
        for member in others:
            with suppress(GatewayError):
                return member.models()
        return last.models()
