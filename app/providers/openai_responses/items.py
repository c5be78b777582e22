"""Write conversation items as input for an upstream that speaks Responses. Pure.

A message, a call and its output become

    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]}
    {"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": "{}"}
    {"type": "function_call_output", "call_id": "call_1", "output": "12 degrees"}
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import replace
from itertools import takewhile
from typing import Any, TypeGuard, assert_never

import orjson

from app.domain.answer_options import ConfigurationUpdate, UnseenItem
from app.domain.hosted.item import HostedItem
from app.domain.ids import call_id
from app.domain.items import (
    AdditionalTools,
    Compaction,
    FunctionCall,
    FunctionCallOutput,
    InputText,
    Item,
    Message,
    Reasoning,
)
from app.domain.tools import FUNCTIONS_ONLY, runs_tools
from app.providers.openai_responses.calls import added_json, call_json, output_json, update_json
from app.providers.openai_responses.content import part_json
from app.providers.openai_responses.plain_reasoning import in_messages
from app.providers.profiles import Profile
from app.providers.writing.call_ids import CallIds
from app.providers.writing.compactions import unread_compaction
from app.providers.writing.hosted import in_words

Json = dict[str, Any]


def to_items(
    items: tuple[Item, ...],
    profile: Profile,
    known: AbstractSet[str] = FUNCTIONS_ONLY,
    *,
    thinks: bool = True,
) -> list[Json]:
    """Return the items without the gateway's ids, which the upstream would look up in vain.

    For servers that require an id on the assistant's messages, it is made from the position.
    Reasoning is returned under the upstream's own id, and only if the output that it led to
    follows: one without the other is refused. If it does not come encrypted, its text is sent, if
    the profile says so. A model that does not think (U16), as `thinks` says, gets none.
    `known` are the types of tools whose calls are sent to the model in their own form.

    Raises:
        InvalidRequest: this server does not read a part of the input.
    """
    written: list[Json] = []
    thoughts: list[Json] = []  # reasoning whose output has not come yet
    is_plain = profile.plain_reasoning and not profile.encrypted_reasoning
    may_think = thinks and (profile.encrypted_reasoning or is_plain)
    ids = CallIds(call_id)
    ordered = in_messages(items, fills=profile.empty_reasoning) if thinks and is_plain else items
    for item in ordered:
        if isinstance(item, UnseenItem):
            if isinstance(item, AdditionalTools) and item.type in known:
                written.append(added_json(item, profile, known))
            elif isinstance(item, ConfigurationUpdate) and item.type in known:
                written.append(update_json(item))
            continue  # for other models, its changes are in the parameters
        if isinstance(item, Reasoning):
            if may_think:
                thoughts += _plain(item, profile, len(written)) if is_plain else _reasoning(item)
            continue
        if thoughts:
            if _can_follow(item):
                written += thoughts
            thoughts = []
        written += _item(item, ids, profile, known, len(written))
    return written


def with_one_system(
    instructions: str | None, items: tuple[Item, ...]
) -> tuple[str | None, tuple[Item, ...]]:
    """Return the instructions joined with leading system and developer messages, and the rest.

    If no other items follow, or the messages contain more than text, nothing is changed.
    """
    leading = tuple(takewhile(_instructs, items))
    if len(leading) == len(items):
        return instructions, items
    parts = [part for item in leading if _instructs(item) for part in item.content]
    texts = [part.text for part in parts if isinstance(part, InputText)]
    if len(texts) < len(parts):
        return instructions, items
    given = [text for text in (instructions, *texts) if text]
    return "\n\n".join(given) if given else None, items[len(leading) :]


def without_late_system(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """Turn system and developer messages after the first other item into user messages."""
    has_begun = False
    written: list[Item] = []
    for item in items:
        if not _instructs(item):
            has_begun = has_begun or not isinstance(item, UnseenItem)
            written.append(item)
        else:
            written.append(replace(item, role="user") if has_begun else item)
    return tuple(written)


def _instructs(item: Item) -> TypeGuard[Message]:
    return isinstance(item, Message) and item.role in ("system", "developer")


def payload(reasoning: Json) -> str | None:
    """Return a reasoning item's id and encrypted content as JSON; None without the latter."""
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
    """Yield the item that the provider sent; none if it came in another format."""
    kept: Json = orjson.loads(item.encrypted_content) if item.encrypted_content else {}
    if "encrypted_content" in kept:
        summary = [{"type": "summary_text", "text": text} for text in item.summary]
        yield {"type": "reasoning", "summary": summary} | kept


def _plain(item: Reasoning, profile: Profile, place: int) -> Iterator[Json]:
    """Yield the item in the server's own form, with its readable text."""
    if item.text:
        own_id = {"id": f"rs_{place}"} if profile.message_ids else {}
        content = [{"type": "reasoning_text", "text": item.text}]
        yield {"type": "reasoning", "summary": [], "content": content} | own_id


def _item(
    item: Message | FunctionCall | FunctionCallOutput | HostedItem | Compaction,
    ids: CallIds,
    profile: Profile,
    known: AbstractSet[str],
    place: int,
) -> Iterator[Json]:
    match item:
        case Message():
            if item.content:
                yield _message(item, profile, place)
        case FunctionCall():
            yield call_json(item, ids.of_call(item.call_id), profile, known)
        case FunctionCallOutput():
            its_call = ids.of_output(item.call_id) or call_id(item.call_id)
            yield output_json(item, its_call, profile, known)
        case HostedItem():
            is_known = profile.hosted_items or runs_tools(known)
            yield item.for_server if is_known else _message(in_words(item), profile, place)
        case Compaction():
            if not profile.compaction:
                raise unread_compaction()
            yield {"type": "compaction", "encrypted_content": item.encrypted_content}
        case _:
            assert_never(item)


def _message(item: Message, profile: Profile, place: int) -> Json:
    message: Json = {
        "type": "message",
        "role": item.role,
        "content": [part_json(part, item.role, profile) for part in item.content],
    }
    if item.role == "assistant" and profile.message_ids:
        message |= {"id": f"msg_{place}", "status": "completed"}
    return message | ({"phase": item.phase} if item.phase is not None and profile.phase else {})


def _given(fields: dict[str, str | None]) -> Json:
    return {name: value for name, value in fields.items() if value is not None}
