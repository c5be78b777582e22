"""Conversation items and their content parts, as values with the field names of the API."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, assert_never

from app.domain.answer_options import ConfigurationUpdate, UnseenItem
from app.domain.frozen import frozen_dataclass
from app.domain.hosted.item import HostedItem
from app.domain.tools import Tool, qualified

_quoted = json.JSONEncoder(ensure_ascii=False).encode

ItemStatus = Literal["in_progress", "completed", "incomplete"]
#: Outputs may also say that the called tool failed.
OutputStatus = Literal["in_progress", "completed", "incomplete", "failed"]
Role = Literal["user", "assistant", "system", "developer"]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class CacheBreakpoint:
    """The end of a prefix to be cached (U23); a `ttl` of None is the request's."""

    ttl: str | None = None


@frozen_dataclass(frozen=True, slots=True)
class InputText:
    type: ClassVar[str] = "input_text"
    text: str
    prompt_cache_breakpoint: CacheBreakpoint | None = None


@dataclass(frozen=True, slots=True)
class InputImage:
    """An image. `image_url` is an http(s) or data URL; exactly one of it and `file_id` is set."""

    type: ClassVar[str] = "input_image"
    image_url: str | None = None
    file_id: str | None = None
    detail: str = "auto"
    prompt_cache_breakpoint: CacheBreakpoint | None = None


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file. `file_data` is base64, as a data URL or bare; exactly one source is set."""

    type: ClassVar[str] = "input_file"
    file_data: str | None = None
    file_url: str | None = None
    file_id: str | None = None
    filename: str | None = None
    detail: str | None = None
    prompt_cache_breakpoint: CacheBreakpoint | None = None


@frozen_dataclass(frozen=True, slots=True)
class OutputText:
    type: ClassVar[str] = "output_text"
    text: str
    annotations: tuple[Json, ...] = ()
    logprobs: tuple[Json, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    type: ClassVar[str] = "refusal"
    refusal: str


InputPart = InputText | InputImage | InputFile
OutputPart = OutputText | Refusal
ContentPart = InputPart | OutputPart


@frozen_dataclass(frozen=True, slots=True)
class Message:
    """A message. `phase` (commentary or final_answer) is kept as given; `id` is "" until minted.

    `prefix` begins the ids of such items; every item class has one.
    """

    type: ClassVar[str] = "message"
    prefix: ClassVar[str] = "msg"
    id: str
    role: Role
    content: tuple[ContentPart, ...]
    status: ItemStatus = "completed"
    phase: str | None = None


@frozen_dataclass(frozen=True, slots=True)
class FunctionCall:
    """A function call. `arguments` is the model's text: usually a JSON object, but not always.

    `namespace` is the function's, if it has one. `program_id` is the call_id of the program that
    made the call (`programmatic_tool_calling`), None if the model itself did.
    """

    type: ClassVar[str] = "function_call"
    prefix: ClassVar[str] = "fc"
    id: str
    call_id: str
    name: str
    arguments: str
    status: ItemStatus = "completed"
    namespace: str | None = None
    program_id: str | None = None

    @property
    def qualified_name(self) -> str:
        """The name by which models know the function."""
        return qualified(self.namespace, self.name) if self.namespace else self.name


@frozen_dataclass(frozen=True, slots=True)
class FunctionCallOutput:
    """The output of a function call; `program_id` is the call's."""

    type: ClassVar[str] = "function_call_output"
    prefix: ClassVar[str] = "fco"
    id: str
    call_id: str
    output: str | tuple[InputPart, ...]
    status: OutputStatus = "completed"
    program_id: str | None = None

    @property
    def content(self) -> str | tuple[InputPart, ...]:
        """The part of it that models see."""
        return self.output


@frozen_dataclass(frozen=True, slots=True)
class CustomCall(FunctionCall):
    """A call of a custom tool, as a call of the function that represents the tool to models.

    `arguments` is a JSON object whose only key is `input`.
    """

    type: ClassVar[str] = "custom_tool_call"
    prefix: ClassVar[str] = "ctc"

    @property
    def input(self) -> str:
        """The text that the tool gets."""
        return input_in(self.arguments)


@frozen_dataclass(frozen=True, slots=True)
class CustomCallOutput(FunctionCallOutput):
    type: ClassVar[str] = "custom_tool_call_output"
    prefix: ClassVar[str] = "ctco"


@frozen_dataclass(frozen=True, slots=True)
class BuiltInCall(FunctionCall):
    """A call of a built-in tool, as a call of the function that represents the tool to models.

    `arguments` is JSON in the item's canonical form, whatever the model wrote.
    """

    @classmethod
    def readable(cls, written: str, *, is_cut: bool = False) -> str:
        """Return arguments in that form, as far as the model's text can be parsed.

        `is_cut` says that the text is incomplete.
        """
        raise NotImplementedError


@frozen_dataclass(frozen=True, slots=True)
class BuiltInCallOutput(FunctionCallOutput):
    """The output of a built-in tool."""


def arguments_for(text: str) -> str:
    """Return the arguments that carry a custom tool's input to a function."""
    return f'{{"input": {_quoted(text)}}}'


def input_in(arguments: str) -> str:
    """Return the input that `arguments_for` wrapped."""
    text: str = json.loads(arguments)["input"]
    return text


@dataclass(frozen=True, slots=True)
class Reasoning:
    """Reasoning of the model: `summary` and `content` are texts, one for each part.

    `encrypted_content` is a sealed blob at the API (services.answering.sealing) and, inside a
    ModelRequest, the payload that the provider itself once gave.
    """

    type: ClassVar[str] = "reasoning"
    prefix: ClassVar[str] = "rs"
    id: str
    summary: tuple[str, ...] = ()
    content: tuple[str, ...] = ()
    encrypted_content: str | None = None

    @property
    def text(self) -> str:
        """The readable part: the reasoning text itself, or else its summary."""
        return "\n\n".join(self.content or self.summary)


@dataclass(frozen=True, slots=True)
class AdditionalTools(UnseenItem):
    """Tools that the model has from here on, in addition to those of the request."""

    type: ClassVar[str] = "additional_tools"
    prefix: ClassVar[str] = "at"
    tools: tuple[Tool, ...]
    role: Literal["developer"] = "developer"


@dataclass(frozen=True, slots=True)
class Compaction:
    """Stands for what came before it in its conversation (G8).

    `encrypted_content` is a summary that we have sealed (services.answering.compactions), or the
    blob of another service, which only that service can read.
    """

    type: ClassVar[str] = "compaction"
    prefix: ClassVar[str] = "cmp"
    id: str
    encrypted_content: str


@dataclass(frozen=True, slots=True)
class ItemReference:
    """A reference, in a request, to an item that the account has stored."""

    type: ClassVar[str] = "item_reference"
    id: str


OutputItem = Message | FunctionCall | Reasoning | Compaction | HostedItem
Item = OutputItem | FunctionCallOutput | AdditionalTools | ConfigurationUpdate
InputItem = Item | ItemReference


def with_id(item: Item, item_id: str) -> Item:
    """Return the item under another id.

    MEASURED: a request may bring hundreds; `replace` takes four times as long, `match` twice.
    """
    if type(item) is FunctionCall:
        return FunctionCall(
            item_id,
            item.call_id,
            item.name,
            item.arguments,
            item.status,
            item.namespace,
            item.program_id,
        )
    if type(item) is FunctionCallOutput:
        return FunctionCallOutput(item_id, item.call_id, item.output, item.status, item.program_id)
    match item:
        case Message():
            return Message(item_id, item.role, item.content, item.status, item.phase)
        case FunctionCall() | FunctionCallOutput() | UnseenItem():  # each has its own fields
            return replace(item, id=item_id)
        case Reasoning():
            return Reasoning(item_id, item.summary, item.content, item.encrypted_content)
        case HostedItem():
            return item.under(item_id)
        case Compaction():
            return Compaction(item_id, item.encrypted_content)
        case _:
            assert_never(item)


def output_text(items: tuple[Item, ...]) -> str:
    """Join the text of every output_text part, in order."""
    texts = []
    for item in items:
        if isinstance(item, Message):
            for part in item.content:
                if isinstance(part, OutputText):
                    texts.append(part.text)
    return "".join(texts)
