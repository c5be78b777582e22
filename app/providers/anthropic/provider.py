"""The provider for servers that speak Anthropic's Messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit

import orjson

from app.domain.request import ModelRequest
from app.domain.stream.deltas import Batch
from app.domain.upstream_call import UpstreamCall
from app.providers.anthropic.answer import Answer
from app.providers.anthropic.families import is_of_a_family
from app.providers.anthropic.request import ignored, to_upstream
from app.providers.learning import LearnedProfile
from app.providers.model_list import output_limits
from app.providers.profiles import Profile
from app.providers.reading.events import EventReader, body_deltas
from app.providers.reading.streaming import batches, joined, told_whole
from app.providers.transport import Transport
from app.settings import ProviderSettings

VERSION = "2023-06-01"


class AnthropicProvider:
    """Anthropic, or a server that is compatible with its Messages, by its profile."""

    def __init__(self, settings: ProviderSettings, transport: Transport, profile: Profile) -> None:
        self.name = settings.name
        self.profile = LearnedProfile(settings, profile, transport)
        self._transport = transport
        headers = {"anthropic-version": VERSION}
        if settings.api_key:
            headers["x-api-key"] = settings.api_key
        self._output_limits: Mapping[str, int] = {}
        root = _root(settings.base_url)
        self._messages = transport.endpoint(f"{root}/messages", headers)
        self._models = transport.endpoint(root + _list_path(settings.base_url), headers)

    def ignored(self, request: ModelRequest) -> tuple[str, ...]:
        """Name the parameters of the request that this server cannot honour."""
        return ignored(request, self.profile.current)

    def answer(self, request: ModelRequest, call: UpstreamCall) -> Iterator[Batch]:
        """Yield what the model says; see Provider."""
        profile = self.profile.current
        whole = profile.whole and not request.stream
        asked = request if whole or request.stream else replace(request, stream=True)
        limit = self._output_limits.get(request.model)
        # A family's limit may be low on purpose: some refuse input + limit beyond the context.
        if limit and not request.max_output_tokens_default and not is_of_a_family(request.model):
            asked = replace(asked, max_output_tokens_default=limit)
        body = orjson.dumps(to_upstream(asked, profile))
        reply = self._messages.post(body, call, stream=asked.stream)
        answer = Answer(self._transport.fault_in_answer, self._transport.note)
        reader, read_whole = partial(EventReader, answer), partial(body_deltas, answer=answer)
        if whole:
            return told_whole(reply, reader, read_whole)
        streamed = batches(reply, reader(), read_whole, call)
        return streamed if request.stream else joined(streamed)

    def models(self) -> tuple[str, ...]:
        """Ask the server which models it serves; see Provider.

        How much each may write at most is kept for requests that do not say it (U26).
        """
        body = self._models.get().body()
        ids = self.profile.models(body)
        self._output_limits = output_limits(body)
        return ids


def _root(base_url: str) -> str:
    """Return the /v1 that a bare host lacks: Anthropic's own clients leave it out."""
    return "" if urlsplit(base_url).path.strip("/") else "/v1"


def _list_path(base_url: str) -> str:
    """Ask for the whole list at once; a base URL with a query of its own leaves no room for it."""
    return "/models" if "?" in base_url else "/models?limit=1000"
