"""The provider for every upstream that is called over HTTP, whatever its wire format.

A WireFormat supplies paths, headers and request bodies, and reads answers; everything else is the
same for all formats and is done here.
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
    """What differs between wire formats. One object serves all providers of its format."""

    def paths(self, base_url: str) -> tuple[str, str]:
        """Return the paths for answers and for the model list, relative to the base URL."""
        ...

    def headers(self, settings: ProviderSettings, profile: Profile) -> dict[str, str]:
        """Return the headers of every call, including the credential."""
        ...

    def known_tools(self, model: str, profile: Profile, /) -> frozenset[str]:
        """Return the types of tools that a server with this profile accepts; see Provider."""
        ...

    def ignored(self, request: ModelRequest, profile: Profile) -> tuple[str, ...]:
        """Name the parameters of the request that a server with this profile cannot honour."""
        ...

    def to_upstream(self, request: ModelRequest, profile: Profile) -> dict[str, Any]:
        """Return the JSON body for `request` to a server with this profile.

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
        """Return a reader for the one answer to `request`, whose body as sent is `sent`.

        `fault` turns an error in the answer into a gateway error; `note` is called for each field
        that is left out.
        """
        ...

    def reads_compactions(self, profile: Profile) -> bool:
        """Tell whether a server with this profile accepts compaction items of its own (G8)."""
        ...

    def input_counter(self, base_url: str, profile: Profile) -> InputCounter | None:
        """Return the token counter of a server with this profile, None if it has none (G9)."""
        ...

    def facts(self, model: str) -> ModelFacts:
        """Return what a model's name says about it in this format."""
        ...

    def needs_output_limit(self, model: str) -> bool:
        """Tell whether the model needs the output limit that the model list gives (U26)."""
        ...

    def output_limits(self, models: bytes) -> Mapping[str, int]:
        """Return the maximum output tokens of each listed model for which the list has them (U26).

        They are used when neither the caller nor the configuration sets a limit.
        """
        ...


@dataclass(slots=True)
class _Line:
    """The endpoints of a server for one credential; `counter` is made when it is first needed."""

    transport: Transport
    headers: Mapping[str, str]
    answers: Endpoint
    models: Endpoint
    counter: tuple[InputCounter, Endpoint] | None = None


class HTTPProvider:
    """A provider whose server speaks `wire_format`, with the abilities in its profile."""

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
        # A deployment (Azure) has no model list; its resource lists what could be deployed.
        is_above = self._deployment is not None
        return _Line(
            transport,
            headers,
            transport.endpoint(answers, headers),
            transport.endpoint(models, headers, at_root=is_above),
        )

    def use_key(self, _key_id: str, api_key: str) -> None:
        """Use this credential for new calls; calls in flight keep the one they began with."""
        transport = self._line.transport.with_key(api_key)
        self.profile.follow(transport)
        self._line = self._line_of(transport, self.profile.current)

    @property
    def models_address(self) -> str:
        """The URL of the server's model list."""
        return self._line.models.address

    def known_tools(self, model: str) -> frozenset[str]:
        """Return the types of tools that are sent to this model unchanged; see Provider."""
        known = self._format.known_tools(model, self.profile.current)
        return known | self._runs if self._runs else known

    @property
    def reads_compactions(self) -> bool:
        """Whether compaction items of its own can be sent back to it; see Provider."""
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
        """Yield the model's answer; see Provider.

        If the profile says so, an answer that the caller wants whole is streamed from the server.
        A bug in this code is logged, counted and reported as ours, not as the upstream's fault.
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
        """Return the number of input tokens; see Provider.

        If the server fails or refuses, return None and log it; its circuit breaker is unaffected.
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

        The listed output limits are kept for requests that do not set one (U26). An Azure
        deployment serves one model, which is named after the deployment.
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
        """Return the request as it is sent: streamed or not, with its model's output limit."""
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
    """Return the counter's endpoint; it is made once, and anew if the learned profile differs."""
    if line.counter is None or line.counter[0] != counter:
        endpoint = line.transport.endpoint(counter.path, line.headers, at_root=counter.at_root)
        line.counter = counter, endpoint
    return line.counter[1]
