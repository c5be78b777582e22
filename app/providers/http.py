"""The provider of every upstream that is called over HTTP, whatever format it speaks.

A format says where and how an upstream is called, and reads what it answers; all else is the same
for each and stands here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import orjson

from app.domain.hosted.policy import PassPolicy
from app.domain.models import NOTHING_KNOWN, Honoured, ModelFacts
from app.domain.request import ModelRequest
from app.domain.stream.deltas import Batch
from app.domain.tools import known_as
from app.domain.upstream_call import UpstreamCall
from app.errors import CallerGone, GatewayError
from app.providers.descriptions import describer
from app.providers.input_counter import InputCounter
from app.providers.learning import LearnedProfile
from app.providers.listed_models import listed_facts
from app.providers.output_limits import OutputLimits
from app.providers.profiles import Profile, deployment_in
from app.providers.reading.events import Fault
from app.providers.reading.fields import Note
from app.providers.reading.pieces import AnswerReader
from app.providers.reading.streaming import joined_batches, stream_batches, whole_batches
from app.providers.transport import Endpoint, Transport
from app.providers.writing.forced_calls import as_taken, ignored_thoughts
from app.settings import ProviderSettings
from app.telemetry import log, own_mistake


class WireFormat(Protocol):
    """What differs from one wire format to another. One object serves all its providers."""

    def paths(self, base_url: str) -> tuple[str, str]:
        """Return where it answers and where it lists its models, below the base URL."""
        ...

    def headers(self, settings: ProviderSettings, profile: Profile) -> dict[str, str]:
        """Return the headers that every call has, the credential among them."""
        ...

    def known_tools(self, model: str, profile: Profile, /) -> frozenset[str]:
        """Return the types of tools that a server with this profile knows; see Provider."""
        ...

    def ignored(self, request: ModelRequest, profile: Profile) -> tuple[str, ...]:
        """Name the parameters of the request that a server with this profile cannot honour."""
        ...

    def to_upstream(self, request: ModelRequest, profile: Profile) -> dict[str, Any]:
        """Return the body that asks `request` of a server with this profile.

        Raises:
            InvalidRequest: something has no equivalent in this format, or at this server.
        """
        ...

    def reader(
        self,
        request: ModelRequest,
        sent: Mapping[str, Any],
        profile: Profile,
        fault: Fault,
        note: Note,
    ) -> AnswerReader:
        """Return what reads the one answer to `request`, for which `sent` went out.

        `fault` makes our error of an error in the answer; `note` hears of each field that was
        left out.
        """
        ...

    def reads_compactions(self, profile: Profile) -> bool:
        """Tell whether a server with this profile reads what its own service has compacted (G8)."""
        ...

    def input_counter(self, base_url: str, profile: Profile) -> InputCounter | None:
        """Return where a server with this profile counts tokens, None where it does not (G9)."""
        ...

    def facts(self, model: str) -> ModelFacts:
        """Return what a model's name tells of it in this format."""
        ...

    def needs_output_limit(self, model: str) -> bool:
        """Tell whether the limit that a list says is wanted for the model (U26)."""
        ...

    def output_limits(self, models: bytes) -> Mapping[str, int]:
        """Return how many tokens each model of a list writes at most, as far as it says so (U26).

        They stand in for a limit that neither the caller nor the configuration gives.
        """
        ...


@dataclass(slots=True)
class _Line:
    """How the server is called with one credential; `counter` is found when it is needed."""

    transport: Transport
    headers: Mapping[str, str]
    answers: Endpoint
    models: Endpoint
    counter: tuple[InputCounter, Endpoint] | None = None


class HTTPProvider:
    """A server that speaks `wire_format`, by its profile."""

    def __init__(self, transport: Transport, profile: Profile, wire_format: WireFormat) -> None:
        settings = transport.settings
        self.name = settings.name
        self.policy = PassPolicy(frozenset(settings.forward), frozenset(settings.hosted_tools))
        self._runs = frozenset(map(known_as, settings.hosted_tools))
        self.profile = LearnedProfile(profile, transport)
        self._format = wire_format
        self._output_limits = OutputLimits(self.models if settings.discover else None)
        self._deployment = deployment_in(settings.base_url)
        self._line = self._line_of(transport, profile)
        self._listed: Mapping[str, ModelFacts] = {}
        self._described = describer(wire_format)

    def _line_of(self, transport: Transport, profile: Profile) -> _Line:
        settings = transport.settings
        answers, models = self._format.paths(settings.base_url)
        headers = self._format.headers(settings, profile)
        # A deployment has no list of its own: its resource has one, of what could be deployed.
        is_above = self._deployment is not None
        return _Line(
            transport,
            headers,
            transport.endpoint(answers, headers),
            transport.endpoint(models, headers, at_root=is_above),
        )

    def use_key(self, _key_id: str, api_key: str) -> None:
        """Call the server with this credential from now on; what is under way keeps the other."""
        transport = self._line.transport.with_key(api_key)
        self.profile.follow(transport)
        self._line = self._line_of(transport, self.profile.current)

    @property
    def models_address(self) -> str:
        """Where the server is asked for its models."""
        return self._line.models.address

    def known_tools(self, model: str) -> frozenset[str]:
        """Return the types of tools that this model is sent as they are; see Provider."""
        known = self._format.known_tools(model, self.profile.current)
        return known | self._runs if self._runs else known

    @property
    def reads_compactions(self) -> bool:
        """Whether its own compactions can be sent back; see Provider."""
        return self._format.reads_compactions(self.profile.current)

    def ignored(self, request: ModelRequest) -> tuple[str, ...]:
        """Name the parameters of the request that this server cannot honour; see Provider."""
        try:
            profile = self.profile.current
            taken = as_taken(request, profile)
            thoughts = ignored_thoughts(request, taken)
            return (*request.left_out, *self._format.ignored(taken, profile), *thoughts)
        except Exception as bug:
            raise self._mistake(bug) from bug

    def answer(self, request: ModelRequest, call: UpstreamCall) -> Iterator[Batch]:
        """Yield what the model says; see Provider.

        An answer that is wanted whole is streamed to us where the profile says so. A bug of ours
        on the way is logged, counted and shown as ours: no upstream is blamed for it.
        """
        profile, line = self.profile.current, self._line
        streams = request.stream or not profile.whole
        try:
            wanted = as_taken(self._with_limit(request, streams), profile)
            sent = self._format.to_upstream(wanted, profile)
            reply = line.answers.post(orjson.dumps(sent), call, stream=streams)
            reader = self._format.reader(
                request, sent, profile, line.transport.fault_in_answer, line.transport.note
            )
        except GatewayError:
            raise
        except Exception as bug:
            raise self._mistake(bug, call) from bug
        if not streams:
            return whole_batches(reply, reader, call, self._mistake)
        streamed = stream_batches(reply, reader, call, self._mistake)
        return streamed if request.stream else joined_batches(streamed)

    def count_input(self, request: ModelRequest, call: UpstreamCall) -> int | None:
        """Return how many tokens the input is; see Provider.

        A server that fails at it, or refuses it, cannot tell: that is logged, and rests nobody.
        """
        profile, line = self.profile.current, self._line
        counter = self._format.input_counter(line.transport.settings.base_url, profile)
        if counter is None:
            return None
        try:
            whole = as_taken(replace(request, stream=False), profile)
            sent = counter.body(self._format.to_upstream(whole, profile))
            endpoint = _counter_endpoint(line, counter)
            reply = endpoint.post(orjson.dumps(sent), call, stream=False)
            tokens = counter.read(reply.body())
            reason = "unreadable"
        except CallerGone:
            raise
        except GatewayError as error:
            tokens, reason = None, error.code or error.type
        except Exception as bug:
            raise self._mistake(bug, call) from bug
        if tokens is None:
            log.warning("input_count_failed", provider=self.name, error_code=reason)
        return tokens

    def models(self) -> tuple[str, ...]:
        """Ask the server which models it serves; see Provider.

        How much each may write at most is kept for requests that do not say it (U26). A
        deployment of Azure's serves one model, which is called by the deployment's name.
        """
        try:
            body = self._line.models.get().body()
            ids = self.profile.models(body)
            self._output_limits.learn(self._format.output_limits(body))
            self._listed = listed_facts(body)
        except GatewayError:
            raise
        except Exception as bug:
            raise self._mistake(bug) from bug
        return ids if self._deployment is None else (self._deployment,)

    def describe(self, model: str) -> tuple[ModelFacts, Honoured]:
        """Return what is known of a model; see Provider."""
        profile, listed = self.profile.current, self._listed.get(model, NOTHING_KNOWN)
        try:
            facts, honoured = self._described(profile, model)
        except Exception as bug:
            raise self._mistake(bug) from bug
        return listed.over(facts), honoured

    def _with_limit(self, request: ModelRequest, streams: bool) -> ModelRequest:
        """Return the request as it is sent: streamed or not, with the limit of its model."""
        limit = request.max_output_tokens_default
        is_open = not (limit or request.parameters.max_output_tokens)
        if is_open and self._format.needs_output_limit(request.model):
            limit = self._output_limits.of(request.model)
        if streams == request.stream and limit == request.max_output_tokens_default:
            return request
        return replace(request, stream=streams, max_output_tokens_default=limit)

    def _mistake(self, bug: Exception, call: UpstreamCall | None = None) -> GatewayError:
        attempts = {} if call is None else {"attempts": call.attempts}
        return own_mistake(bug, "", "provider", provider=self.name, **attempts)


def _counter_endpoint(line: _Line, counter: InputCounter) -> Endpoint:
    """Return the counter's endpoint, which is made once, unless another server is learned."""
    if line.counter is None or line.counter[0] != counter:
        endpoint = line.transport.endpoint(counter.path, line.headers, at_root=counter.at_root)
        line.counter = counter, endpoint
    return line.counter[1]
