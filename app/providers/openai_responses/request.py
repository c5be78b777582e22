"""Write a request as the body of a Responses call. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from app.domain.answer_options import PLAIN_TEXT, JsonSchemaFormat, ReasoningOptions, TextOptions
from app.domain.items import AdditionalTools
from app.domain.request import INCLUDE_ENCRYPTED, INCLUDE_LOGPROBS, ModelRequest, Parameters
from app.domain.tools import (
    HostedTool,
    ToolSearchTool,
    hosted_types,
    included,
    known_as,
    runs_tools,
)
from app.providers.openai_responses.forwarded import with_forwarded
from app.providers.openai_responses.items import to_items, with_one_system, without_late_system
from app.providers.openai_responses.prompt_cache import cache_options
from app.providers.openai_responses.tools import TOOL_WORDS
from app.providers.profiles import (
    Profile,
    is_tier_ignored,
    may_reason,
    takes_effort,
    tier_name,
)
from app.providers.writing.hosted import hosted_in_words
from app.providers.writing.openai import (
    effort_sent,
    ignored_logprobs,
    ignored_tools,
    tool_fields,
)
from app.providers.writing.parameters import PassThrough
from app.providers.writing.phases import ignored_phases
from app.providers.writing.prompt_cache import ignored_caching

Json = dict[str, Any]

_PASS_THROUGH = PassThrough("responses")


def to_upstream(request: ModelRequest, profile: Profile) -> Json:
    """Return the body of POST /v1/responses, with `store: false` (section 9a).

    Raises:
        InvalidRequest: something has no equivalent at this server.
    """
    parameters = request.parameters
    instructions, items = parameters.instructions, request.items
    profile = _for_searches(request, profile)
    if profile.one_system:
        instructions, items = with_one_system(instructions, items)
    if not profile.late_system:
        items = without_late_system(items)
    body: Json = {
        "model": request.model,
        "input": to_items(items, profile, request.known_tools, thinks=may_reason(request)),
        "store": False,
        "stream": request.stream,
    }
    if instructions is not None:
        body["instructions"] = instructions
    limit = parameters.max_output_tokens or request.max_output_tokens_default
    if limit is not None:
        body["max_output_tokens"] = limit
    body |= _service(parameters, profile)
    if include := _include(request, profile):
        body["include"] = include
    if parameters.top_logprobs and profile.logprobs:
        body["top_logprobs"] = parameters.top_logprobs
    if parameters.reasoning is not None:
        body |= _reasoning(parameters.reasoning, profile, request.model)
    if parameters.text is not PLAIN_TEXT:
        body |= _text(parameters.text, profile)
    brings_tools = bool(request.known_tools) and AdditionalTools in map(type, items)
    if parameters.tools or brings_tools:
        body |= _tools(parameters, profile, has_others=brings_tools)
    return with_forwarded(body, request.forwarded)


def _for_searches(request: ModelRequest, profile: Profile) -> Profile:
    """Return the profile with `tool_search`, if the server searches among the tools itself."""
    if known_as(ToolSearchTool.type) not in request.known_tools:
        return profile
    return replace(profile, tool_search=True)


def _tools(parameters: Parameters, profile: Profile, *, has_others: bool) -> Json:
    fields = tool_fields(parameters, parameters.tools, profile, TOOL_WORDS, has_others=has_others)
    if any(isinstance(tool, HostedTool) for tool in parameters.tools):
        fields |= _given({"max_tool_calls": parameters.max_tool_calls})
    return fields


def _service(parameters: Parameters, profile: Profile) -> Json:
    """Return the fields that are for the service rather than the model."""
    fields = _PASS_THROUGH.body(parameters, profile)
    if parameters.service_tier and (tier := tier_name(parameters.service_tier, profile)):
        fields["service_tier"] = tier
    if parameters.prompt_cache_options and profile.prompt_cache_options:
        fields["prompt_cache_options"] = cache_options(parameters.prompt_cache_options)
    return fields


def ignored(request: ModelRequest, profile: Profile) -> tuple[str, ...]:
    """Return the names of the request's parameters that this server cannot honour."""
    parameters = request.parameters
    names = [] if profile.phase else ignored_phases(request.items)
    if not (profile.hosted_items or runs_tools(request.known_tools)):
        names += hosted_in_words(request.items)
    names += _PASS_THROUGH.ignored(parameters, profile)
    names += ignored_caching(request, is_known=profile.prompt_cache_options)
    if is_tier_ignored(parameters.service_tier, profile):
        names.append("service_tier")
    if parameters.reasoning is not None:
        names += _ignored_reasoning(parameters.reasoning, profile, request.model)
    if parameters.text.verbosity is not None and not profile.verbosity:
        names.append("text.verbosity")
    if not profile.logprobs:
        names += ignored_logprobs(parameters)
    if parameters.tools:
        names += ignored_tools(parameters, profile)
    return tuple(name for name in names if name not in request.forwarded)


def _ignored_reasoning(options: ReasoningOptions, profile: Profile, model: str) -> Iterator[str]:
    is_unknown = profile.effort == "none"
    effort = options.effort
    if effort is not None and (
        is_unknown
        or not takes_effort(model, effort)
        or effort_sent(effort, profile, model) != effort
    ):
        yield "reasoning.effort"
    if is_unknown and options.summary not in (None, "none"):
        yield "reasoning.summary"


def _include(request: ModelRequest, profile: Profile) -> list[str]:
    """Return `include`: an upstream that stores nothing has to send reasoning encrypted."""
    include = []
    if profile.encrypted_reasoning and may_reason(request):
        include.append(INCLUDE_ENCRYPTED)
    if INCLUDE_LOGPROBS in request.parameters.include and profile.logprobs:
        include.append(INCLUDE_LOGPROBS)
    return include + included(request.parameters.include, hosted_types(request.known_tools))


def _reasoning(options: ReasoningOptions, profile: Profile, model: str) -> Json:
    if profile.effort == "none":
        return {}
    fields: Json = {}
    if options.effort is not None and takes_effort(model, options.effort):
        fields |= _given({"effort": effort_sent(options.effort, profile, model)})
    if options.summary not in (None, "none"):
        fields["summary"] = options.summary
    return {"reasoning": fields} if fields else {}


def _text(text: TextOptions, profile: Profile) -> Json:
    fields: Json = {}
    if text.verbosity is not None and profile.verbosity:
        fields["verbosity"] = text.verbosity
    wanted = text.format
    if wanted == "text":
        return {"text": fields} if fields else {}
    if profile.text_format:
        return {"text": fields | {"format": _format(wanted)}}
    form = _format(wanted)
    if isinstance(wanted, JsonSchemaFormat):
        form = {"type": "json_schema", "json_schema": _named_schema(wanted)}
    return ({"text": fields} if fields else {}) | {"response_format": form}


def _format(wanted: str | JsonSchemaFormat) -> Json:
    if isinstance(wanted, JsonSchemaFormat):
        return {"type": "json_schema"} | _named_schema(wanted)
    return {"type": wanted}


def _named_schema(wanted: JsonSchemaFormat) -> Json:
    return _given(
        {
            "name": wanted.name,
            "description": wanted.description,
            "schema": wanted.schema,
            "strict": wanted.strict,
        }
    )


def _given(fields: Json) -> Json:
    return {name: value for name, value in fields.items() if value is not None}
