"""The provider for servers that speak Responses itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import orjson

from app.domain.request import ModelRequest
from app.domain.stream.deltas import Batch
from app.domain.upstream_call import UpstreamCall
from app.providers.learning import LearnedProfile
from app.providers.login import bearer
from app.providers.openai_responses.answer import Answer
from app.providers.openai_responses.request import ignored, to_upstream
from app.providers.profiles import Profile
from app.providers.reading.events import EventReader, body_deltas
from app.providers.reading.streaming import batches, joined, told_whole
from app.providers.transport import Transport
from app.settings import ProviderSettings


class OpenAIResponsesProvider:
    """OpenAI, or a server that is compatible with its Responses, by its profile."""

    def __init__(self, settings: ProviderSettings, transport: Transport, profile: Profile) -> None:
        self.name = settings.name
        self.profile = LearnedProfile(settings, profile, transport)
        self._transport = transport
        login = bearer(settings.api_key, profile.key_header)
        self._responses = transport.endpoint("/responses", login)
        self._models = transport.endpoint("/models", login)

    def ignored(self, request: ModelRequest) -> tuple[str, ...]:
        """Name the parameters of the request that this server cannot honour."""
        return ignored(request, self.profile.current)

    def answer(self, request: ModelRequest, call: UpstreamCall) -> Iterator[Batch]:
        """Yield what the model says; see Provider."""
        profile = self.profile.current
        whole = profile.whole and not request.stream
        asked = request if whole or request.stream else replace(request, stream=True)
        told = to_upstream(asked, profile)
        reply = self._responses.post(orjson.dumps(told), call, stream=asked.stream)
        cut_at = None if profile.tells_cut else told.get("max_output_tokens")
        answer = Answer(self._transport.fault_in_answer, cut_at, self._transport.note)
        reader, read_whole = partial(EventReader, answer), partial(body_deltas, answer=answer)
        if whole:
            return told_whole(reply, reader, read_whole)
        streamed = batches(reply, reader(), read_whole, call)
        return streamed if request.stream else joined(streamed)

    def models(self) -> tuple[str, ...]:
        """Ask the server which models it serves; see Provider."""
        return self.profile.models(self._models.get().body())
