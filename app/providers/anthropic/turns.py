"""Write conversation items as turns of user and assistant. Pure.

A call and its output become

    {"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "f", "input": {}}]}
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "12"}]}
"""

from __future__ import annotations

import hashlib
import re
from itertools import takewhile
from typing import Any, assert_never

import orjson

from app.domain.answer_options import UnseenItem
from app.domain.hosted.item import HostedItem
from app.domain.ids import call_id
from app.domain.items import (
    Compaction,
    FunctionCall,
    FunctionCallOutput,
    Item,
    Message,
    Reasoning,
)
from app.providers.anthropic.cache_marks import MARK
from app.providers.anthropic.media import blocks, text_block
from app.providers.writing.arguments import as_object
from app.providers.writing.call_ids import CallIds
from app.providers.writing.call_names import call_name
from app.providers.writing.compactions import unread_compaction
from app.providers.writing.hosted import in_words
from app.providers.writing.placeholders import GO_ON

Block = dict[str, Any]
Turn = dict[str, Any]

_CALL_ID = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_THOUGHTS = ("thinking", "redacted_thinking")


def split_instructions(items: tuple[Item, ...]) -> tuple[tuple[Message, ...], tuple[Item, ...]]:
    """Return the leading system and developer messages, and the remaining items (U6).

    If there are no other items, these messages are the conversation.
    """
    leading = tuple(takewhile(_instructs, items))
    if len(leading) == len(items):
        return (), items
    return tuple(item for item in leading if isinstance(item, Message)), items[len(leading) :]


def _instructs(item: Item) -> bool:
    return isinstance(item, Message) and item.role in ("system", "developer")


def turns(
    items: tuple[Item, ...],
    *,
    thoughts_first: bool,
    prefill: bool,
    unsigned: bool = False,
    fills: bool = False,
) -> list[Turn]:
    """Return the items as turns that begin with the user's, and end with it unless `prefill`.

    In the items, each call directly precedes its output (S4): so the outputs of a turn's calls
    begin the next turn, as the format requires. `thoughts_first` moves thoughts to the start of
    their turn; `unsigned` says that thoughts without a signature are sent, too, and `fills` that
    turns with calls but without thoughts get an empty one.

    Raises:
        InvalidRequest: something has no equivalent in this format.
    """
    conversation = _Conversation(unsigned=unsigned)
    for item in items:
        conversation.add(item)
    written = conversation.ended()
    if not written or written[0]["role"] != "user":
        written.insert(0, _turn("user", [text_block(GO_ON)]))
    if written[-1]["role"] == "assistant":
        if prefill:
            _trim(written[-1]["content"][-1])
        else:
            written.append(_turn("user", [text_block(GO_ON)]))
    if thoughts_first and Reasoning in map(type, items):
        for turn in written:
            turn["content"].sort(key=lambda block: block["type"] not in _THOUGHTS)
    for turn in written if fills else ():
        kinds = {block["type"] for block in turn["content"]}
        if "tool_use" in kinds and kinds.isdisjoint(_THOUGHTS):
            turn["content"].insert(0, _unsigned(""))
    return written


class _Conversation:
    """Groups blocks into turns; the outputs of a group of calls begin the user's next turn."""

    def __init__(self, *, unsigned: bool) -> None:
        self._unsigned = unsigned
        self._turns: list[Turn] = []
        self._ids = CallIds(tool_id)

    def add(self, item: Item) -> None:
        match item:
            case Message(role=role):
                self._say("assistant" if role == "assistant" else "user", blocks(item.content))
            case Reasoning():
                self._say("assistant", self._thoughts(item))
            case FunctionCall():
                self._say("assistant", [_tool_use(item, self._ids.of_call(item.call_id))])
            case FunctionCallOutput():
                own_id = self._ids.of_output(item.call_id)
                if own_id is not None:
                    self._say("user", [_tool_result(item, own_id)])
            case UnseenItem():
                pass  # its changes are in the parameters
            case HostedItem():
                self.add(in_words(item))
            case Compaction():
                raise unread_compaction()
            case _:
                assert_never(item)

    def ended(self) -> list[Turn]:
        self._drop_thoughts_at_the_end()
        return self._turns

    def _thoughts(self, item: Reasoning) -> list[Block]:
        """Return the block that the provider sent; none if it came in another format."""
        block = orjson.loads(item.encrypted_content) if item.encrypted_content is not None else {}
        if block.get("type") in _THOUGHTS:
            return [block]
        return [_unsigned(item.text)] if self._unsigned and item.text else []

    def _say(self, role: str, content: list[Block]) -> None:
        if not content:
            return
        if role == "user":
            self._drop_thoughts_at_the_end()
        if self._turns and self._turns[-1]["role"] == role:
            self._turns[-1]["content"].extend(content)
        else:
            self._turns.append(_turn(role, content))

    def _drop_thoughts_at_the_end(self) -> None:
        """Drop final thoughts without an answer: a truncated answer may end with them."""
        while self._turns and self._turns[-1]["role"] == "assistant":
            content = self._turns[-1]["content"]
            if content and content[-1]["type"] not in _THOUGHTS:
                return
            (content or self._turns).pop()


def _turn(role: str, content: list[Block]) -> Turn:
    return {"role": role, "content": content}


def _unsigned(thought: str) -> Block:
    return {"type": "thinking", "thinking": thought, "signature": ""}


def _trim(block: Block) -> None:
    """Strip trailing white space from an answer to be continued: it would be refused."""
    if block["type"] == "text":
        block["text"] = block["text"].rstrip()


def _tool_use(call: FunctionCall, own_id: str) -> Block:
    return {
        "type": "tool_use",
        "id": own_id,
        "name": call_name(call.qualified_name),
        "input": as_object(call.arguments),
    }


def _tool_result(output: FunctionCallOutput, own_id: str) -> Block:
    result: Block = {"type": "tool_result", "tool_use_id": own_id, "content": output.content}
    if not isinstance(output.content, str):
        result["content"] = blocks(output.content)
        for block in result["content"]:
            if MARK in block:  # the server caches results only as a whole
                result[MARK] = block.pop(MARK)
    return result


def tool_id(given: str) -> str:
    """Return a call's id in the characters that the format allows; calls and outputs agree."""
    if _CALL_ID.fullmatch(given):
        return call_id(given)
    return "call_" + hashlib.sha256(given.encode()).hexdigest()[:48]
