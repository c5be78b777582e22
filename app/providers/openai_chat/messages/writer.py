"""Write a conversation's items as messages of Chat Completions. Pure.

A message of the user, one of the assistant with a call, and the call's output become

    {"role": "user", "content": "Is it warm in Oslo?"}
    {"role": "assistant", "content": null, "tool_calls": [{"id": "call_1", ...}]}
    {"role": "tool", "tool_call_id": "call_1", "content": "12 degrees"}
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, assert_never

from app.domain.answer_options import UnseenItem
from app.domain.hosted.item import HostedItem
from app.domain.ids import nine_characters
from app.domain.items import (
    Compaction,
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
from app.providers.openai_chat.messages.known import KnownMessages
from app.providers.openai_chat.messages.leading import leading, with_one_system
from app.providers.openai_chat.messages.parts import (
    name_outputs,
    unsupported,
    with_one_user,
    written_part,
)
from app.providers.openai_chat.messages.reasoning_fields import ReasoningFields
from app.providers.profiles import Profile
from app.providers.writing.arguments import as_text
from app.providers.writing.call_ids import CallIds
from app.providers.writing.call_names import call_name
from app.providers.writing.compactions import unread_compaction
from app.providers.writing.hosted import in_words
from app.providers.writing.placeholders import GO_ON, HAS_READ

Json = dict[str, Any]

MAX_CALL_ID = 40
_TEXTS = (InputText, OutputText)
SEE_BELOW = "The output is in the next message."


def to_messages(
    instructions: Sequence[str],
    items: Sequence[Item],
    profile: Profile,
    model: str = "",
    *,
    thinks: bool = True,
    known: KnownMessages | None = None,
) -> list[Any]:
    """Return `items` as messages, with `instructions` before them.

    Fields from a server are returned only to the `model` that they are from; reasoning is sent
    only to one that `thinks`. A beginning of the items that is cached in `known` is one fragment
    of JSON.

    Raises:
        InvalidRequest: a part has no equivalent at this server.
    """
    writer = _Writer(profile, model, thinks=thinks)
    for text in instructions:
        writer.write_message(Message("", "developer", (InputText(text),)))
    joined = leading(items) if known is not None and profile.one_system else 0
    if known is None or len(items) - joined < known.fewest:
        writer.write(items)
    else:
        writer.write(items[:joined])
        known.write(writer, tuple(items[joined:]), (profile, model, thinks))
    writer.end()
    messages = with_one_user(writer.messages) if profile.one_user else writer.messages
    return with_one_system(messages) if profile.one_system else messages


class _Writer:
    """Writes one message after another.

    Consecutive texts and calls of the assistant are one message, and the outputs of its calls
    follow it directly, in the calls' order: some servers match them by order alone.
    """

    def __init__(self, profile: Profile, model: str, *, thinks: bool) -> None:
        self.messages: list[Any] = []
        self._profile = profile
        self._late_system = profile.late_system and not profile.strict_roles
        self._reasoning = ReasoningFields(profile, model, thinks=thinks)
        self._is_in_turn = False
        #: Calls were written, followed by messages of the assistant only; there has been a message
        #: of the user or assistant; the messages written last are outputs of calls.
        self._follows_calls = self._has_begun = self._ends_with_outputs = False
        self._texts: list[str] = []
        self._calls: dict[str, FunctionCall] = {}  # by the ids that they are sent with
        self._outputs: dict[str, FunctionCallOutput] = {}
        self.ids = CallIds(nine_characters if profile.nine_character_ids else _short)

    @property
    def has_outputs(self) -> bool:
        """Whether a call of the current turn has its output."""
        return bool(self._outputs)

    @property
    def state(self) -> tuple[bool, ...]:
        """The state that later messages depend on."""
        return self._follows_calls, self._has_begun, self._ends_with_outputs

    @state.setter
    def state(self, state: tuple[bool, ...]) -> None:
        self._follows_calls, self._has_begun, self._ends_with_outputs = state

    def closed(self, place: int) -> list[Any]:
        """Return the messages from a position on, [] if the next one may be joined to the last."""
        messages = self.messages[place:]
        if not self._profile.one_user or not messages:
            return messages
        last = messages[-1]
        return [] if type(last) is dict and last["role"] == "user" else with_one_user(messages)

    def write(self, items: Sequence[Item]) -> None:
        """Write the items; the last turn stays open."""
        of_call, of_output = self.ids.of_call, self.ids.of_output
        calls, outputs = self._calls, self._outputs
        for item in items:
            # MEASURED: matching a class takes three times as long as isinstance, and matching a
            # message's contents as long as everything else that is done with it.
            if isinstance(item, FunctionCall):
                if outputs:  # as `_go_on` does
                    self.end_turn()
                self._is_in_turn = True
                calls[of_call(item.call_id)] = item
            elif isinstance(item, FunctionCallOutput):
                own_id = of_output(item.call_id)
                if own_id is not None:
                    outputs[own_id] = item
            elif isinstance(item, Message):
                self.write_message(item)
            elif not isinstance(item, UnseenItem):  # its changes are in the parameters
                self._write_other(item)

    def end(self) -> None:
        """End the last turn; add a user message if the assistant's must not be the last."""
        if self._is_in_turn:
            self.end_turn()
        last = self.messages[-1] if self.messages else None
        if not self._profile.prefill and type(last) is dict and last["role"] == "assistant":
            self.messages.append({"role": "user", "content": GO_ON})

    def write_message(self, message: Message) -> None:
        """Write a message; the assistant's is joined to its adjacent texts and calls."""
        role, content = message.role, message.content
        # Nearly all messages are one text, which is sent as a string.
        text = content[0].text if len(content) == 1 and isinstance(content[0], _TEXTS) else None
        if role == "assistant":
            self._go_on()
            self._texts.append(_spoken(content) if text is None else text)
            return
        if self._is_in_turn:
            self.end_turn()
        if self._ends_with_outputs and self._profile.strict_roles:
            self.messages.append({"role": "assistant", "content": HAS_READ})
        self._follows_calls = self._ends_with_outputs = False
        if role == "user" or (self._has_begun and not self._late_system):
            role, self._has_begun = "user", True
        else:
            role = "developer" if self._profile.developer_role and role == "developer" else "system"
        written = self._content(content) if text is None else text
        self.messages.append({"role": role, "content": written})

    def _write_other(self, item: Reasoning | HostedItem | Compaction) -> None:
        match item:
            case Reasoning():
                self._go_on()
                self._reasoning.take(item)
            case HostedItem():
                self.write_message(in_words(item))
            case Compaction():
                raise unread_compaction()
            case _:
                assert_never(item)

    def _go_on(self) -> None:
        """Continue the assistant's turn, or begin a new one if its calls have outputs."""
        if self._outputs:
            self.end_turn()
        self._is_in_turn = True

    def end_turn(self) -> None:
        """Write the messages of the assistant's turn so far, with the outputs of its calls."""
        texts, reasoning = self._texts, self._reasoning
        text = ""
        if texts:
            text = texts[0] if len(texts) == 1 else "\n\n".join(filter(None, texts))
            texts.clear()
        # MEASURED: most turns are one text, or one call; containers that stay empty are reused.
        if self._calls:
            self._write_calls(text)
            self._calls.clear()
            self._follows_calls = self._has_begun = True
        elif text:
            message: Json = {"role": "assistant", "content": text}
            if self._follows_calls or not reasoning.is_empty:
                message = reasoning.completed(message, follows_calls=self._follows_calls)
            self.messages.append(message)
            self._has_begun, self._ends_with_outputs = True, False
        if self._outputs:
            self._outputs.clear()
        if not reasoning.is_empty:
            reasoning.end_turn()
        self._is_in_turn = False

    def _write_calls(self, text: str) -> None:
        reasoning, messages, outputs = self._reasoning, self.messages, self._outputs
        must_be_object = self._profile.object_arguments
        # MEASURED: an agent's history is mostly calls; with a method or a property for each step
        # here, writing its messages takes a tenth longer.
        place = len(messages)
        written: list[Json] = []
        others: list[Json] = []
        messages.append({"role": "assistant", "content": text or None, "tool_calls": written})
        for own_id, call in self._calls.items():
            name = call_name(call.qualified_name if call.namespace else call.name)
            arguments = call.arguments
            if must_be_object or not arguments.startswith("{"):
                arguments = as_text(arguments, must_be_object=must_be_object)
            function = {"name": name, "arguments": arguments}
            written.append({"id": own_id, "type": "function", "function": function})
            output = outputs.get(own_id)
            if output is None:
                continue
            content = output.output if type(output) is FunctionCallOutput else output.content
            if isinstance(content, str):
                messages.append({"role": "tool", "tool_call_id": own_id, "content": content})
            else:
                others += self._write_output(content, own_id)
        if self._profile.tool_names:
            name_outputs(messages[place:])
        self._ends_with_outputs = bool(outputs) and not others
        if others:
            if self._profile.strict_roles:
                messages.append({"role": "assistant", "content": HAS_READ})
            messages.append({"role": "user", "content": others})
        if not reasoning.is_empty or reasoning.is_needed:
            calls = tuple(self._calls.values())
            messages[place] = reasoning.completed(messages[place], calls)

    def _write_output(self, content: tuple[InputPart, ...], own_id: str) -> list[Json]:
        """Write a call's output; return the parts that a tool message cannot contain."""
        text, others = self._split(content)
        text = text or (SEE_BELOW if others else "")
        self.messages.append({"role": "tool", "tool_call_id": own_id, "content": text})
        return others

    def _split(self, output: tuple[InputPart, ...]) -> tuple[str, list[Json]]:
        """Separate an output's text from the parts that a tool message cannot contain."""
        texts = [part.text for part in output if isinstance(part, InputText)]
        others = [part for part in output if not isinstance(part, InputText)]
        return "\n".join(texts), [written_part(part, self._profile) for part in others]

    def _content(self, content: tuple[ContentPart, ...]) -> str | list[Json]:
        texts = [part.text for part in content if isinstance(part, InputText | OutputText)]
        if len(texts) == len(content) and (len(texts) < 2 or not self._profile.text_arrays):
            return "\n".join(texts)
        return [written_part(part, self._profile) for part in content]


def _spoken(content: tuple[ContentPart, ...]) -> str:
    """Return the text of an assistant's message, including refusals."""
    texts = []
    for part in content:
        match part:
            case OutputText(text=text) | InputText(text=text) | Refusal(refusal=text):
                texts.append(text)
            case InputImage() | InputFile():
                raise unsupported("an assistant's message can hold text only")
            case _:
                assert_never(part)
    return "".join(texts)


def _short(given: str) -> str:
    """Return a call's id in a length that all servers accept: OpenAI allows 40 characters."""
    if len(given) <= MAX_CALL_ID:
        return given
    return "call_" + hashlib.sha256(given.encode()).hexdigest()[:32]
