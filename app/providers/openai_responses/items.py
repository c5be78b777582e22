"""Conversation items as input of an upstream that speaks Responses itself. Pure.

A message, a call and its output become

    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]}
    {"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": "{}"}
    {"type": "function_call_output", "call_id": "call_1", "output": "12 degrees"}
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from typing import Any, assert_never

import orjson

from app.domain.hosted.item import HostedItem
from app.domain.ids import call_id
from app.domain.items import (
    AdditionalTools,
    ContentPart,
    FunctionCall,
    FunctionCallOutput,
    InputFile,
    InputImage,
    InputPart,
    InputText,
    Item,
    Message,
    OutputText,
    Reasoning,
    Refusal,
)
from app.errors import InvalidRequest
from app.providers.openai_responses.prompt_cache import cache_breakpoint
from app.providers.profiles import Profile
from app.providers.writing.arguments import as_text
from app.providers.writing.call_ids import CallIds
from app.providers.writing.hosted import in_words

Json = dict[str, Any]


def to_items(items: tuple[Item, ...], profile: Profile, *, thinks: bool = True) -> list[Json]:
    """Return the items without ids of ours, which the upstream would look up in vain.

    Reasoning goes back under the upstream's own id, and only where what it led to follows: one
    without the other is refused. None goes to a model that does not think (U16), as `thinks` says.

    Raises:
        InvalidRequest: a part is of a kind that this server does not read.
    """
    written: list[Json] = []
    thoughts: list[Json] = []  # what they led to is still to come
    may_think = thinks and profile.encrypted_reasoning
    ids = CallIds(call_id)
    for item in items:
        if isinstance(item, AdditionalTools):
            continue  # its tools are among the parameters'
        if isinstance(item, Reasoning):
            if may_think:
                thoughts += _reasoning(item)
            continue
        if thoughts:
            if _can_follow(item):
                written += thoughts
            thoughts = []
        written += _item(item, ids, profile)
    return written


def with_one_system(
    instructions: str | None, items: tuple[Item, ...]
) -> tuple[str | None, tuple[Item, ...]]:
    """Join instructions and the system and developer messages that lead; return what follows.

    Where nothing follows, or they hold more than text, all stays as it is.
    """
    leading = tuple(takewhile(_instructs, items))
    if len(leading) == len(items):
        return instructions, items
    parts = [part for item in leading if isinstance(item, Message) for part in item.content]
    texts = [part.text for part in parts if isinstance(part, InputText)]
    if len(texts) < len(parts):
        return instructions, items
    given = [text for text in (instructions, *texts) if text]
    return "\n\n".join(given) if given else None, items[len(leading) :]


def _instructs(item: Item) -> bool:
    return isinstance(item, Message) and item.role in ("system", "developer")


def payload(reasoning: Json) -> str | None:
    """Return what of a reasoning item must travel back, or None where nothing can."""
    content = reasoning.get("encrypted_content")
    if not content or not isinstance(content, str):
        return None
    kept = _given({name: reasoning.get(name) for name in ("id", "encrypted_content")})
    return orjson.dumps(kept).decode()


def _can_follow(item: Item) -> bool:
    if isinstance(item, Message):
        return item.role == "assistant" and bool(item.content)
    if isinstance(item, HostedItem):
        return not item.is_by_caller
    return isinstance(item, FunctionCall)


def _reasoning(item: Reasoning) -> Iterator[Json]:
    """Yield the item that came; none where the provider spoke another format when it did."""
    kept: Json = orjson.loads(item.encrypted_content) if item.encrypted_content else {}
    if "encrypted_content" in kept:
        summary = [{"type": "summary_text", "text": text} for text in item.summary]
        yield {"type": "reasoning", "summary": summary} | kept


def _item(
    item: Message | FunctionCall | FunctionCallOutput | HostedItem, ids: CallIds, profile: Profile
) -> Iterator[Json]:
    match item:
        case Message():
            if item.content:
                yield _message(item, profile)
        case FunctionCall():
            yield {
                "type": "function_call",
                "call_id": ids.of_call(item.call_id),
                "name": item.qualified_name,
                "arguments": as_text(item.arguments, must_be_object=profile.object_arguments),
            }
        case FunctionCallOutput(content=output):
            yield {
                "type": "function_call_output",
                "call_id": ids.of_output(item.call_id) or call_id(item.call_id),
                "output": output
                if isinstance(output, str)
                else [_part(part, "user", profile) for part in output],
            }
        case HostedItem():
            yield item.json if profile.hosted_items else _message(in_words(item), profile)
        case _:
            assert_never(item)


def _message(item: Message, profile: Profile) -> Json:
    message = {
        "type": "message",
        "role": item.role,
        "content": [_part(part, item.role, profile) for part in item.content],
    }
    return message | ({"phase": item.phase} if item.phase is not None and profile.phase else {})


def _part(part: ContentPart, role: str, profile: Profile) -> Json:
    match part:
        case InputText(prompt_cache_breakpoint=None) | OutputText():
            kind = "output_text" if role == "assistant" else "input_text"
            return {"type": kind, "text": part.text}
        case InputText():
            return {"type": "input_text", "text": part.text} | _breakpoint(part, profile)
        case Refusal() if role == "assistant" and profile.refusals:
            return {"type": "refusal", "refusal": part.refusal}
        case Refusal():
            kind = "output_text" if role == "assistant" else "input_text"
            return {"type": kind, "text": part.refusal}
        case InputImage():
            if not profile.images:
                raise _unread("images")
            where = {"image_url": part.image_url, "file_id": part.file_id}
            image = {"type": "input_image", "detail": part.detail} | _given(where)
            return image | _breakpoint(part, profile)
        case InputFile():
            if not profile.files:
                raise _unread("files")
            where = {
                "file_data": part.file_data,
                "file_url": part.file_url,
                "file_id": part.file_id,
                "filename": part.filename,
                "detail": part.detail,
            }
            return {"type": "input_file"} | _given(where) | _breakpoint(part, profile)
        case _:
            assert_never(part)


def _breakpoint(part: InputPart, profile: Profile) -> Json:
    given = part.prompt_cache_breakpoint
    if given is None or not profile.prompt_cache_options:
        return {}
    return {"prompt_cache_breakpoint": cache_breakpoint(given)}


def _given(fields: dict[str, str | None]) -> Json:
    return {name: value for name, value in fields.items() if value is not None}


def _unread(kind: str) -> InvalidRequest:
    return InvalidRequest(
        f"this model's provider reads no {kind}", param="input", code="unsupported_value"
    )
