"""Write a request as the body of an Anthropic Messages call. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import orjson

from app.domain.answer_options import JsonSchemaFormat
from app.domain.items import InputFile, InputImage, Reasoning
from app.domain.request import INCLUDE_LOGPROBS, ModelRequest, Parameters
from app.errors import InvalidRequest
from app.providers.anthropic import cache_marks
from app.providers.anthropic.families import Family, family_of
from app.providers.anthropic.json_schema import can_hold, strict_schema
from app.providers.anthropic.media import blocks, check_readable, text_block
from app.providers.anthropic.thinking import Thinking, thinking
from app.providers.anthropic.tools import ignored_choice, ignored_strict, tool_fields
from app.providers.anthropic.turns import split_instructions, turns
from app.providers.profiles import Profile, tier_name
from app.providers.writing.attachments import ignored_details
from app.providers.writing.forced_calls import is_forced
from app.providers.writing.hosted import hosted_in_words
from app.providers.writing.parameters import PassThrough
from app.providers.writing.phases import ignored_phases
from app.providers.writing.prompt_cache import ignored_caching

#: Instruction for an answer in JSON, if no field of the format can demand it.
JSON_ONLY = "Answer with one JSON object and nothing else: no words around it, no code fence."

_TEMPLATE = "chat_template_kwargs"
_PASS_THROUGH = PassThrough("messages")


@dataclass(frozen=True, slots=True)
class _Plan:
    """Decisions made before the body is written.

    `structured` says that the model enforces schemas, `schema` is the one for the answer.
    """

    family: Family
    thinking: Thinking
    structured: bool
    schema: dict[str, Any] | None


def _plan(request: ModelRequest, profile: Profile) -> _Plan:
    family = family_of(request.model)
    if request.reasons is False:
        family = replace(family, thinking="none")
    thoughts = thinking(
        request,
        family,
        forced=family.forced_calls and is_forced(request),
        sealed=not profile.plain_reasoning,
        says_effort=profile.output_effort,
    )
    structured = family.structured and profile.text_format
    return _Plan(family, thoughts, structured, _schema(request) if structured else None)


def to_upstream(request: ModelRequest, profile: Profile) -> dict[str, Any]:
    """Return the body of POST /v1/messages.

    Raises:
        InvalidRequest: something has no equivalent in this format.
    """
    check_readable(request.items, images=profile.images, files=profile.files)
    plan = _plan(request, profile)
    thoughts = plan.thinking
    items = request.items
    if plan.family.thinking == "none":  # it is not sent the reasoning of another model (U16)
        items = tuple(item for item in items if not isinstance(item, Reasoning))
    # Thoughts are not sent to a model that was told not to think.
    unsigned = profile.plain_reasoning and plan.family.thinking != "none" and not thoughts.is_off
    leading, conversation = split_instructions(items)
    schema = {} if plan.schema is None else {"format": plan.schema}
    body = {
        "model": request.model,
        "max_tokens": thoughts.max_tokens,
        "system": _system(request, plan, [blocks(message.content) for message in leading]),
        "messages": turns(
            conversation,
            thoughts_first=plan.family.thinking == "budget",
            prefill=plan.family.prefill and not thoughts.thinks and not schema,
            unsigned=unsigned,
            fills=unsigned and profile.empty_reasoning,
        ),
        "thinking": thoughts.switch,
        _TEMPLATE: _template(request, profile),
        "output_config": ({"effort": thoughts.effort} if thoughts.effort else {}) | schema,
        "stream": request.stream,
    }
    given = {name: value for name, value in body.items() if value}
    given |= tool_fields(
        request, profile, structured=plan.structured, forced_calls=plan.family.forced_calls
    )
    given |= _settings(request, plan, profile)
    cache_marks.settle(given, request, profile)
    return given


def ignored(request: ModelRequest, profile: Profile) -> tuple[str, ...]:
    """Return the parameters that this format, or this family of models, cannot honour."""
    parameters, plan = request.parameters, _plan(request, profile)
    moot: dict[str, tuple[object, ...]] = {
        "presence_penalty": (None, 0),
        "frequency_penalty": (None, 0),
        "top_logprobs": (None, 0),
    }
    names = [name for name, values in moot.items() if getattr(parameters, name) not in values]
    names += _PASS_THROUGH.ignored(parameters, profile)
    if parameters.service_tier not in (None, "auto") and _tier(parameters, profile) is None:
        names.append("service_tier")
    if parameters.user is not None and parameters.safety_identifier is not None:
        names.append("user")
    if INCLUDE_LOGPROBS in parameters.include:
        names.append("include")
    if parameters.text.verbosity is not None:
        names.append("text.verbosity")
    if isinstance(parameters.text.format, JsonSchemaFormat) and plan.schema is None:
        names.append("text.format")
    names += ignored_phases(request.items)
    names += hosted_in_words(request.items)
    names += ignored_caching(request, is_known=profile.cache_control)
    names += ignored_details(request, InputImage, InputFile)
    names += _sampling(request, plan)[1]
    names += ignored_choice(request, profile, forced_calls=plan.family.forced_calls)
    return (*names, *plan.thinking.ignored, *ignored_strict(request, structured=plan.structured))


def _template(request: ModelRequest, profile: Profile) -> dict[str, Any]:
    """Return the chat template's switch to turn thinking off, for servers that need it there."""
    reasoning = request.parameters.reasoning
    quiet = reasoning is not None and reasoning.effort == "none"
    return {"enable_thinking": False} if quiet and profile.effort == _TEMPLATE else {}


def _settings(request: ModelRequest, plan: _Plan, profile: Profile) -> dict[str, Any]:
    parameters = request.parameters
    settings: dict[str, Any] = dict(_sampling(request, plan)[0])
    if whose := parameters.safety_identifier or parameters.user:
        settings["metadata"] = {"user_id": whose}
    if (tier := _tier(parameters, profile)) is not None:
        settings["service_tier"] = tier
    return settings


def _tier(parameters: Parameters, profile: Profile) -> str | None:
    """Return Anthropic's name of the tier; None if the host has tiers of its own, or none."""
    if parameters.service_tier is None or profile.tiers != "anthropic":
        return None
    return tier_name(parameters.service_tier, profile)


def _sampling(request: ModelRequest, plan: _Plan) -> tuple[dict[str, float], tuple[str, ...]]:
    """Return temperature or top_p, never both, and the names of those without effect (U8).

    If neither may be sent, a requested default value is not named: it applies anyway.
    """
    parameters = request.parameters
    given = {"temperature": parameters.temperature, "top_p": parameters.top_p}
    telling = tuple(name for name, value in given.items() if value not in (None, 1))
    if not plan.family.sampling or plan.thinking.thinks:
        return {}, telling
    if parameters.temperature is None:
        return {"top_p": parameters.top_p} if parameters.top_p is not None else {}, ()
    too_hot = parameters.temperature > 1
    vain = tuple(name for name in telling if name == "top_p" or too_hot)
    return {"temperature": min(parameters.temperature, 1)}, vain


def _system(
    request: ModelRequest, plan: _Plan, leading: list[list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """Return the leading texts as one block, or several if cache breakpoints divide them."""
    if any(block["type"] != "text" for message in leading for block in message):
        raise InvalidRequest(
            "system and developer messages can hold text only, for this model",
            param="input",
            code="unsupported_value",
        )
    pieces = [text_block(request.parameters.instructions or "")]
    pieces += (block for message in leading for block in message)
    pieces.append(text_block(_in_words(request, plan)))
    system: list[dict[str, Any]] = []
    texts: list[str] = []
    for piece in pieces:
        if piece["text"].strip():
            texts.append(piece["text"])
        if cache_marks.MARK in piece:
            system.append(piece | text_block(_joined(texts, system)))
            texts = []
    return [*system, text_block(_joined(texts, system))] if texts else system


def _joined(texts: list[str], before: list[dict[str, Any]]) -> str:
    return "\n\n".join(["", *texts] if before else texts)


def _in_words(request: ModelRequest, plan: _Plan) -> str:
    """Return an instruction to answer in JSON, if no field can demand it, else ""."""
    match request.parameters.text.format:
        case "json_object":
            return JSON_ONLY
        case JsonSchemaFormat() as wanted if plan.schema is None:
            schema = orjson.dumps(wanted.schema).decode()
            return f"{JSON_ONLY} It must match this JSON schema: {schema}"
        case _:
            return ""


def _schema(request: ModelRequest) -> dict[str, Any] | None:
    """Return the schema for the answer, None if there is none, or it cannot be enforced."""
    wanted = request.parameters.text.format
    if not isinstance(wanted, JsonSchemaFormat) or not can_hold(wanted.schema):
        return None
    described = {"description": wanted.description} if wanted.description else {}
    return {"type": "json_schema", "schema": strict_schema(described | wanted.schema)}
