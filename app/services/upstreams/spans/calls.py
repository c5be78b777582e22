"""The span of a model call, with the names of OpenTelemetry's GenAI conventions (M4).

Prompts and answers are recorded only if OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT says so,
and never for a caller who has them encrypted (C6). https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from app.domain.request import ModelRequest
from app.domain.response import Response, Usage
from app.domain.upstream_call import UpstreamCall
from app.providers.profiles import vendor_name
from app.services.upstreams.spans.content import input_messages, instructions, output_messages
from app.settings import ProviderSettings
from app.telemetry.tracing import Attributes, Recording, Span, tracer

_PORTS = {"http": 80, "https": 443}
#: Outcomes of calls that have not failed.
_WELL = frozenset({"answered", "abandoned"})
_REASONS = {"max_output_tokens": "length", "content_filter": "content_filter"}


class CallSpans:
    """Begins the spans of calls; the attributes of each provider are computed once."""

    def __init__(self, providers: Iterable[ProviderSettings]) -> None:
        self._of_provider = {each.name: _of_provider(each) for each in providers}

    def begin(
        self, recording: Recording, provider: str, request: ModelRequest, call: UpstreamCall
    ) -> Span:
        """Begin the span of an attempt, which becomes the parent of the upstream's spans."""
        span = recording.call_upstream(f"chat {request.model}")
        parameters = request.parameters
        span.attributes = {
            **self._of_provider.get(provider, {}),
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": request.model,
            "gen_ai.request.stream": request.stream,
            "gen_ai.request.max_tokens": (
                parameters.max_output_tokens or request.max_output_tokens_default
            ),
            "gen_ai.request.temperature": parameters.temperature,
            "gen_ai.request.top_p": parameters.top_p,
            "gateway.attempt": call.attempts,
            "gateway.upstream_key": call.key,
        }
        if tracer.captures_content and not recording.is_private:
            span.attributes["gen_ai.input.messages"] = input_messages(request.items)
            span.attributes["gen_ai.system_instructions"] = instructions(parameters.instructions)
        if call.identity is not None:
            call.identity = call.identity.within(span.id, sampled=True)
        return span


def first_output(span: Span, seconds: float) -> None:
    """Record how long an upstream took to its first output."""
    span.attributes["gen_ai.response.time_to_first_chunk"] = seconds


def call_ended(span: Span, outcome: str) -> None:
    """End the span of a call; a call whose caller left has not failed."""
    span.attributes["gateway.outcome"] = outcome
    span.end(None if outcome in _WELL else outcome)


def answered(recording: Recording, response: Response) -> None:
    """Record an answer's usage, and how it ended."""
    span = recording.upstream
    if span is None:
        return
    usage = response.usage or Usage()
    span.attributes |= {
        "gen_ai.response.id": response.id,
        "gen_ai.response.finish_reasons": [_finish_reason(response)],
        "gen_ai.usage.input_tokens": usage.input_tokens,
        "gen_ai.usage.output_tokens": usage.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": usage.cached_tokens or None,
        "gen_ai.usage.cache_creation.input_tokens": usage.cache_write_tokens or None,
        "gen_ai.usage.reasoning.output_tokens": usage.reasoning_tokens or None,
    }
    if tracer.captures_content and not recording.is_private:
        span.attributes["gen_ai.output.messages"] = output_messages(
            response.output, _finish_reason(response)
        )


def _finish_reason(response: Response) -> str:
    if response.status != "completed":
        return _REASONS.get(response.incomplete_reason or "", "error")
    return "tool_call" if any(hasattr(each, "call_id") for each in response.output) else "stop"


def _of_provider(settings: ProviderSettings) -> Attributes:
    url = urlsplit(settings.base_url)
    return {
        "gen_ai.provider.name": vendor_name(settings),
        "server.address": url.hostname,
        "server.port": (url.port or _PORTS.get(url.scheme)) if url.hostname else None,
        "gateway.provider": settings.name,
    }
