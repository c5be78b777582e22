"""A provider that is called by several keys, each on connections of its own, at its own address."""

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
    """A provider for each key, by its id, which are one to all others.

    What is known of it, the first key's server says: all speak for one service.
    """

    def __init__(self, members: Mapping[str, HTTPProvider]) -> None:
        self.members = members
        self._first = next(iter(members.values()))
        self.name = self._first.name
        self.policy = self._first.policy

    def use_key(self, key_id: str, api_key: str) -> None:
        """Have one of the keys be another credential from now on."""
        self.members[key_id].use_key(key_id, api_key)

    def _member(self, key_id: str | None) -> HTTPProvider:
        return self._first if key_id is None else self.members[key_id]

    def known_tools(self, model: str) -> frozenset[str]:
        """Return the types of tools that this model is sent as they are; see Provider."""
        return self._first.known_tools(model)

    @property
    def reads_compactions(self) -> bool:
        """Whether its own compactions can be sent back; see Provider."""
        return self._first.reads_compactions

    def ignored(self, request: ModelRequest) -> tuple[str, ...]:
        """Name the parameters of the request that this server cannot honour; see Provider."""
        return self._first.ignored(request)

    def answer(self, request: ModelRequest, call: UpstreamCall) -> Iterator[Batch]:
        """Yield what the model says, called by the key that `call` names; see Provider."""
        return self._member(call.key).answer(request, call)

    def count_input(self, request: ModelRequest, call: UpstreamCall) -> int | None:
        """Return how many tokens the input is, by the first key that can tell; see Provider.

        Where `call` names a key, that one alone is asked.
        """
        members = self.members.values() if call.key is None else (self._member(call.key),)
        counts = (each.count_input(request, call) for each in members)
        return next((count for count in counts if count is not None), None)

    def describe(self, model: str) -> tuple[ModelFacts, Honoured]:
        """Return what is known of a model; see Provider."""
        return self._first.describe(model)

    def models(self) -> tuple[str, ...]:
        """Ask for the models by each key, until one is answered; see Provider."""
        *others, last = self.members.values()
        for member in others:
            with suppress(GatewayError):
                return member.models()
        return last.models()
