"""The provider for servers that speak Chat Completions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import orjson

from app.domain.request import INCLUDE_ENCRYPTED, ModelRequest
from app.domain.stream.deltas import Batch
from app.domain.upstream_call import UpstreamCall
from app.providers.learning import LearnedProfile
from app.providers.login import bearer
from app.providers.openai_chat.answer import ChunkReader, body_deltas
from app.providers.openai_chat.kept_fields import KeptFields
from app.providers.openai_chat.request import ignored, to_upstream
from app.providers.profiles import Profile
from app.providers.reading.streaming import batches, joined, told_whole
from app.providers.transport import Transport
from app.settings import ProviderSettings


class OpenAIChatProvider:
    """Any server that is compatible with Chat Completions, by its profile."""

    def __init__(self, settings: ProviderSettings, transport: Transport, profile: Profile) -> None:
        self.name = settings.name
        self.profile = LearnedProfile(settings, profile, transport)
        self._transport = transport
        login = bearer(settings.api_key, profile.key_header)
        self._completions = transport.endpoint("/chat/completions", login)
        self._models = transport.endpoint("/models", login)

    def ignored(self, request: ModelRequest) -> tuple[str, ...]:
        """Name the parameters of the request that this server cannot honour."""
        return ignored(request, self.profile.current)

    def answer(self, request: ModelRequest, call: UpstreamCall) -> Iterator[Batch]:
        """Yield what the model says; see Provider."""
        profile = self.profile.current
        whole = profile.whole and not request.stream
        asked = request if whole or request.stream else replace(request, stream=True)
        body = orjson.dumps(to_upstream(asked, profile))
        reply = self._completions.post(body, call, stream=asked.stream)
        fault, note = self._transport.fault_in_answer, self._transport.note
        kept = self._kept(request, profile)
        reader = partial(ChunkReader, fault, note, kept)
        read_whole = partial(body_deltas, fault=fault, note=note, kept=kept)
        if whole:
            return told_whole(reply, reader, read_whole)
        streamed = batches(reply, reader(), read_whole, call)
        return streamed if request.stream else joined(streamed)

    def _kept(self, request: ModelRequest, profile: Profile) -> KeptFields:
        return KeptFields(
            request.model,
            self._transport.note,
            fields=profile.returns_unknown_fields,
            text=INCLUDE_ENCRYPTED in request.parameters.include,
        )

    def models(self) -> tuple[str, ...]:
        """Ask the server which models it serves; see Provider."""
        return self.profile.models(self._models.get().body())
