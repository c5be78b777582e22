"""A model's output as providers yield it: small pieces without ids, indexes or events.

A provider yields *batches*: the deltas from one read. An empty batch says that the upstream has
been silent for a while but is still connected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from app.domain.frozen import frozen_dataclass
from app.domain.response import NO_USAGE, Usage
from app.errors import GatewayError


@dataclass(frozen=True, slots=True)
class MessageOpened:
    """A new message begins. Text and Refused open one implicitly if none is open."""

    phase: str | None = None


@frozen_dataclass(frozen=True, slots=True)
class Text:
    text: str
    logprobs: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Annotated:
    """An annotation of the open text part, flat as in the API."""

    annotation: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Refused:
    text: str


@dataclass(frozen=True, slots=True)
class ReasoningOpened:
    """A new reasoning item begins. Thought opens one implicitly if none is open."""


@dataclass(frozen=True, slots=True)
class Thought:
    """A piece of reasoning: of a summary part, or of the reasoning text if `is_text` (A3)."""

    text: str
    is_text: bool = False


@dataclass(frozen=True, slots=True)
class Opaque:
    """A payload to be sent back unchanged with the open reasoning item, or with one of its own."""

    payload: str


@dataclass(frozen=True, slots=True)
class CallOpened:
    """A function call whose name is known. `key` distinguishes it from others in this answer.

    `call_id` is the upstream's own, None if it gave none. `name` may be a qualified one; with
    `namespace` it is the function's own. `is_plain_input` says that the arguments are a custom
    tool's plain input, not JSON; `built_in` is the tool's type if it is known to be a built-in one.
    `program_id` is the call_id of the program that makes the call.
    """

    key: str
    call_id: str | None
    name: str
    namespace: str | None = None
    is_plain_input: bool = False
    built_in: str = ""
    program_id: str | None = None


@dataclass(frozen=True, slots=True)
class Arguments:
    key: str
    fragment: str


@dataclass(frozen=True, slots=True)
class HostedOpened:
    """A hosted tool's item begins: `json` is the item as the server shows it.

    `key` distinguishes it from others in this answer, `upstream_id` is the server's id of it, ""
    for none.
    """

    key: str
    json: dict[str, Any]
    upstream_id: str = ""


@dataclass(frozen=True, slots=True)
class HostedNoted:
    """An event of such an item, or of the whole answer if `key` is None, in the server's own words.

    `fields` are all keys of the event except type, sequence number, item id and index.
    """

    key: str | None
    type: str
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class HostedEnded:
    """Such an item is complete: `json` is how the server shows it."""

    key: str
    json: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Compacted:
    """The context was compacted: `encrypted_content` is the sealed summary of it (G8)."""

    encrypted_content: str


@dataclass(frozen=True, slots=True)
class PartEnded:
    """A part ends: the next text, refusal or thought begins a new part of the same item."""


@dataclass(frozen=True, slots=True)
class ItemEnded:
    """The open item is complete; what follows belongs to a new one."""


@dataclass(frozen=True, slots=True)
class Used:
    """Token counts so far; they replace earlier ones."""

    usage: Usage


@frozen_dataclass(frozen=True, slots=True)
class Finished:
    """The model stopped, with the reason. `service_tier` is the one that served it, if reported.

    `passed` is what the upstream reports about the whole answer (response.PASSED_KEYS).
    """

    reason: Literal["stop", "length", "content_filter"] = "stop"
    service_tier: str | None = None
    passed: dict[str, Any] = field(default_factory=dict)


Delta = (
    MessageOpened
    | Text
    | Annotated
    | Refused
    | ReasoningOpened
    | Thought
    | Opaque
    | CallOpened
    | Arguments
    | HostedOpened
    | HostedNoted
    | HostedEnded
    | Compacted
    | PartEnded
    | ItemEnded
    | Used
    | Finished
)
Batch = Sequence[Delta]

#: Deltas that are not output yet: an error may still follow the opening of an item.
_NO_OUTPUT = frozenset({Used, PartEnded, MessageOpened, ReasoningOpened})


def has_output(deltas: Batch) -> bool:
    """Tell whether an answer has begun (A2)."""
    return not _NO_OUTPUT.issuperset(map(type, deltas))


def note_output(error: GatewayError, deltas: Batch) -> None:
    """Record in an error that the model was paid for output before it (U5), and its usage."""
    if has_output(deltas):
        counts = [delta.usage for delta in deltas if isinstance(delta, Used)]
        error.work_done, error.lost = True, counts[-1] if counts else NO_USAGE


def close_batches(batches: object) -> None:
    """Close an iterator of batches, so that a generator runs its clean-up."""
    close = getattr(batches, "close", None)
    if close is not None:
        close()
