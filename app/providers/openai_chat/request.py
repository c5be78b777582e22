"""Write a request as the body of a Chat Completions call. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, assert_never

import orjson

from app.domain.answer_options import (
    PLAIN_TEXT,
    JsonSchemaFormat,
    ReasoningOptions,
    TextFormat,
    TextOptions,
)
from app.domain.items import InputFile
from app.domain.request import INCLUDE_LOGPROBS, ModelRequest, Parameters
from app.domain.tools import FunctionTool, NamedFunction
from app.providers.openai_chat.messages.known import KnownMessages
from app.providers.openai_chat.messages.writer import to_messages
from app.providers.profiles import (
    Profile,
    is_tier_ignored,
    may_reason,
    takes_effort,
    tier_name,
)
from app.providers.writing.attachments import ignored_details
from app.providers.writing.hosted import hosted_in_words
from app.providers.writing.openai import (
    ToolWords,
    effort_sent,
    ignored_logprobs,
    ignored_tools,
    tool_fields,
)
from app.providers.writing.parameters import PassThrough
from app.providers.writing.phases import ignored_phases
from app.providers.writing.prompt_cache import ignored_caching

Json = dict[str, Any]

_PASS_THROUGH = PassThrough("chat")
_KNOWN = KnownMessages()
_NO_PARAMETERS: Json = {"type": "object", "properties": {}}


def to_upstream(request: ModelRequest, profile: Profile) -> Json:
    """Return the JSON body for `request` to a server with this profile.

    Raises:
        InvalidRequest: something has no equivalent at this server.
    """
    parameters = request.parameters
    body: Json = {
        "model": request.model,
        "messages": to_messages(
            _instructions(parameters, profile),
            request.items,
            profile,
            request.model,
            thinks=may_reason(request),
            known=None if request.is_private else _KNOWN,
        ),
        "stream": request.stream,  # always sent: some servers stream if it is missing
    }
    if request.stream and profile.stream_options:
        body["stream_options"] = {"include_usage": True}
    limit = parameters.max_output_tokens or request.max_output_tokens_default
    if limit is not None:
        body[profile.max_tokens] = limit
    if passed := _PASS_THROUGH.body(parameters, profile):
        if "seed" in passed and profile.seed_field != "seed":
            passed[profile.seed_field] = passed.pop("seed")
        body |= passed
    if parameters.service_tier and (tier := tier_name(parameters.service_tier, profile)):
        body["service_tier"] = tier
    if parameters.tools:
        body |= tool_fields(parameters, parameters.functions, profile, _WORDS)
    if parameters.reasoning is not None:
        body |= _reasoning(parameters.reasoning, profile, request.model)
    if parameters.text is not PLAIN_TEXT:
        body |= _text(parameters.text, profile)
    if parameters.top_logprobs or parameters.include or parameters.metadata:
        body |= _extras(parameters, profile)
    return body


def ignored(request: ModelRequest, profile: Profile) -> tuple[str, ...]:
    """Return the names of the request's parameters that this server cannot honour."""
    parameters = request.parameters
    names = _PASS_THROUGH.ignored(parameters, profile)
    if is_tier_ignored(parameters.service_tier, profile):
        names.append("service_tier")
    names += ignored_phases(request.items)
    names += hosted_in_words(request.items)
    names += ignored_caching(request, is_known=False)
    names += ignored_details(request, InputFile)
    if parameters.tools:
        names += ignored_tools(parameters, profile)
    if parameters.reasoning is not None:
        names += _ignored_reasoning(parameters.reasoning, profile, request.model)
    if parameters.text is not PLAIN_TEXT:
        names += _ignored_text(parameters.text, profile)
    if not profile.logprobs:
        names += ignored_logprobs(parameters)
    return tuple(names)


def _ignored_reasoning(options: ReasoningOptions, profile: Profile, model: str) -> Iterator[str]:
    effort = options.effort
    if effort is not None and not (
        takes_effort(model, effort) and _is_effort_known(effort, profile, model)
    ):
        yield "reasoning.effort"
    # Reasoning that a server sends is always shown; a server that sends none cannot be made to.
    if options.summary is not None and (options.summary == "none") == profile.tells_reasoning:
        yield "reasoning.summary"


def _is_effort_known(effort: str, profile: Profile, model: str) -> bool:
    """Tell whether the server knows exactly this effort, not only a nearby one (R10)."""
    if effort == "none" and profile.thinking_switch:
        return True
    if profile.effort == "enable_thinking":
        return effort == "none"
    return profile.effort != "none" and effort_sent(effort, profile, model) == effort


def _ignored_text(text: TextOptions, profile: Profile) -> Iterator[str]:
    if _in_words(text.format, profile):
        yield "text.format"
    if text.verbosity is not None and not profile.verbosity:
        yield "text.verbosity"


def _instructions(parameters: Parameters, profile: Profile) -> list[str]:
    """Return the texts that precede the conversation."""
    texts = [parameters.instructions] if parameters.instructions else []
    text = parameters.text
    if text is not PLAIN_TEXT and (words := _in_words(text.format, profile)):
        texts.append(words)
    return texts


def _in_words(form: TextFormat, profile: Profile) -> str | None:
    """Return an instruction for a format that the server cannot enforce; None if it can."""
    if isinstance(form, JsonSchemaFormat) and not profile.json_schema:
        schema = orjson.dumps(form.schema).decode()
        return f"Answer with JSON only, valid against this JSON schema: {schema}"
    if form == "json_object" and not profile.json_object:
        return "Answer with a single JSON object only."
    return None


def _extras(parameters: Parameters, profile: Profile) -> Json:
    fields: Json = {}
    if profile.logprobs and (parameters.top_logprobs or INCLUDE_LOGPROBS in parameters.include):
        fields["logprobs"] = True
        if parameters.top_logprobs:
            fields["top_logprobs"] = parameters.top_logprobs
    if parameters.metadata and profile.metadata:
        fields["metadata"], fields["store"] = parameters.metadata, True
    return fields


def _tool(tool: FunctionTool, profile: Profile) -> Json:
    function: Json = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    function["parameters"] = _NO_PARAMETERS if tool.parameters is None else tool.parameters
    if _says_strict(tool.strict, profile) and profile.strict_tools:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _says_strict(strict: bool | None, profile: Profile) -> bool:
    """Tell whether to send `strict`: false is Chat's default."""
    return bool(strict) or (strict is False and profile.strict_false)


def _reasoning(options: ReasoningOptions, profile: Profile, model: str) -> Json:
    effort = options.effort
    if effort is None or not takes_effort(model, effort):
        return {}
    if effort == "none" and profile.thinking_switch:
        return {"thinking": {"type": "disabled"}}
    level = effort_sent(effort, profile, model)
    match profile.effort:
        case "reasoning_effort" | "listed":
            return {} if level is None else {"reasoning_effort": level}
        case "reasoning":
            return {"reasoning": {"effort": level}}
        case "chat_template_kwargs":
            off = {"enable_thinking": False}
            return {"chat_template_kwargs": off if level == "none" else {"reasoning_effort": level}}
        case "enable_thinking":
            return {"enable_thinking": level != "none"}
        case "none":
            return {}
        case _:
            assert_never(profile.effort)


def _text(text: TextOptions, profile: Profile) -> Json:
    fields = _format(text.format, profile)
    if text.verbosity is not None and profile.verbosity:
        fields["verbosity"] = text.verbosity
    return fields


def _format(form: TextFormat, profile: Profile) -> Json:
    match form:
        case "text":
            return {}
        case JsonSchemaFormat() if profile.json_schema:
            schema: Json = {"name": form.name, "schema": form.schema}
            if form.description is not None:
                schema["description"] = form.description
            if _says_strict(form.strict, profile):
                schema["strict"] = form.strict
            return {"response_format": {"type": "json_schema", "json_schema": schema}}
        case _:
            return {"response_format": {"type": "json_object"}} if profile.json_object else {}


def _named_choice(choice: NamedFunction) -> Json:
    return {"type": "function", "function": {"name": choice.name}}


def _allowed_choice(mode: str, choices: Sequence[NamedFunction]) -> Json:
    inner = {"mode": mode, "tools": list(map(_named_choice, choices))}
    return {"type": "allowed_tools", "allowed_tools": inner}


_WORDS = ToolWords(_tool, _named_choice, _allowed_choice)
