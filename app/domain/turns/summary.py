"""What lists show of a response: enough to recognise it, and no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from app.domain.items import (
    FunctionCall,
    FunctionCallOutput,
    InputFile,
    InputImage,
    InputText,
    Item,
    Message,
    OutputText,
    Refusal,
)
from app.domain.response import Response, Status

#: Maximum number of characters of a text that are shown, and that are examined for that.
LONGEST, _LOOKED_AT = 200, 2_000


@dataclass(frozen=True, slots=True)
class ResponseSummary:
    """What is known of a response; fields are None if it is too large to be read.

    `created_at` is in Unix seconds. `input_text` is the beginning of the newest text of its input,
    `output_text` that of its output.
    """

    id: str
    created_at: int
    status: Status
    is_encrypted: bool = False
    model: str | None = None
    previous_response_id: str | None = None
    conversation: str | None = None
    background: bool = False
    metadata: Mapping[str, str] | None = None
    input_text: str | None = None
    output_text: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    error_code: str | None = None


#: State of a job: it waits in its account's queue, runs, or waits for its upstream.
JobState = Literal["waiting", "running", "parked"]


@dataclass(frozen=True, slots=True)
class PendingResponse:
    """A response that waits or runs: a background one, or one that is streamed to its caller.

    `queue_position` is its place in its account's queue, from 1 on, None if it is in none.
    """

    summary: ResponseSummary
    kind: Literal["background", "stream"]
    state: JobState
    queue_position: int | None = None


@dataclass(frozen=True, slots=True)
class PendingList:
    """An account's waiting and running responses, oldest first; incomplete if it `is_cut`."""

    rows: tuple[PendingResponse, ...]
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class TreeNode:
    """A turn of a conversation, or items that were added to it directly.

    `parent` is the id of the node that it continues, None for none. If it `is_gone` (deleted,
    expired or purged), only its place is known.
    """

    id: str
    parent: str | None
    summary: ResponseSummary | None = None
    created_at: int | None = None
    input_text: str | None = None
    is_gone: bool = False

    @property
    def is_response(self) -> bool:
        """Whether it is a response, and not items alone."""
        return self.id.startswith("resp_")


@dataclass(frozen=True, slots=True)
class ConversationTree:
    """Nodes of a conversation, oldest first, including `id`; incomplete if it `is_cut`.

    `conversation` is the conversation's id, None without one.
    """

    id: str
    conversation: str | None
    nodes: tuple[TreeNode, ...]
    is_cut: bool = False


def summary_of(
    response: Response, status: Status, given: Sequence[Item] | None, *, is_encrypted: bool
) -> ResponseSummary:
    """Return what lists show of a response; `given` is its input, None if no items were read."""
    echo: Mapping[str, Any] = response.echo
    usage, error = response.usage, response.error
    conversation = echo.get("conversation")
    return ResponseSummary(
        response.id,
        response.created_at,
        status,
        is_encrypted=is_encrypted,
        model=response.model,
        previous_response_id=echo.get("previous_response_id"),
        conversation=conversation["id"] if conversation else None,
        background=bool(echo.get("background")),
        metadata=echo.get("metadata") or {},
        input_text=None if given is None else newest_text(given),
        output_text=None if given is None else first_text(response.output),
        input_tokens=usage.input_tokens if usage else None,
        output_tokens=usage.output_tokens if usage else None,
        error_code=error.code if error else None,
    )


def newest_text(given: Sequence[Item]) -> str | None:
    """Return the beginning of the caller's last message, or last tool output."""
    for item in reversed(given):
        if isinstance(item, Message) and item.role == "user":
            return shortened(_words(item.content))
        if isinstance(item, FunctionCallOutput):
            output = item.output
            return shortened(output if isinstance(output, str) else _words(output))
    return None


def first_text(made: Sequence[Item]) -> str | None:
    """Return the beginning of an answer: its first text, or else its first call."""
    call = None
    for item in made:
        if isinstance(item, Message) and item.content:
            return shortened(_words(item.content))
        if call is None and isinstance(item, FunctionCall):
            call = f"{item.qualified_name}({item.arguments[:_LOOKED_AT]})"
    return call and shortened(call)


def shortened(text: str) -> str:
    """Return the beginning of a text, on one line."""
    line = " ".join(text[:_LOOKED_AT].split())
    if len(line) > LONGEST:
        return line[: LONGEST - 1].rstrip() + "…"
    return line + "…" if len(text) > _LOOKED_AT else line


def _words(parts: Sequence[Any]) -> str:
    return " ".join(map(_word, parts))


def _word(part: Any) -> str:
    match part:
        case InputText(text=text) | OutputText(text=text):
            return text[: _LOOKED_AT + 1]
        case Refusal(refusal=refusal):
            return refusal[: _LOOKED_AT + 1]
        case InputImage():
            return "[image]"
        case InputFile(filename=name):
            return f"[file {name}]" if name else "[file]"
        case _:
            return ""
