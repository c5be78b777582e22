"""What providers yield: the output of a model in small pieces, without ids, indexes or events.

A provider yields *batches*: the deltas that one read brought. An empty batch says that the
upstream has been silent for a while but is still there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from app.domain.frozen import frozen_dataclass
from app.domain.response import Usage
from app.errors import GatewayError


@dataclass(frozen=True, slots=True)
class MessageOpened:
    """A new message begins. Text and Refused open one by themselves where none is open."""

    phase: str | None = None


@frozen_dataclass(frozen=True, slots=True)
class Text:
    text: str
    logprobs: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Annotated:
    """An annotation of the text part that is open, flat as the wire shows it."""

    annotation: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Refused:
    text: str


@dataclass(frozen=True, slots=True)
class ReasoningOpened:
    """A new reasoning item begins. Thought opens one by itself where none is open."""


@dataclass(frozen=True, slots=True)
class Thought:
    """Reasoning, shown as a summary part, or as what it is where `is_text` says so (A3)."""

    text: str
    is_text: bool = False


@dataclass(frozen=True, slots=True)
class Opaque:
    """What must travel back byte-exact with the open reasoning item, or with one of its own."""

    payload: str


@dataclass(frozen=True, slots=True)
class CallOpened:
    """A function call whose name is known. `key` distinguishes it from its siblings in this answer.

    `call_id` is the upstream's own, or None where it gave none. `name` may be a qualified one;
    with `namespace` it is the function's own. `is_plain_input` says that what follows is the input
    of a custom tool as it is, and no JSON; `built_in` is the type of the tool, where it is known
    that a built-in one is called. `program_id` is the call_id of the program that calls.
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
    """The item of a tool that the server runs begins: `json` is the item as the server shows it.

    `key` tells it from its siblings in this answer, `upstream_id` is the server's id of it, "" for
    none.
    """

    key: str
    json: dict[str, Any]
    upstream_id: str = ""


@dataclass(frozen=True, slots=True)
class HostedNoted:
    """What happens in such an item, or in the answer where `key` is None, in the server's words.

    `fields` are all keys of the event but its type, its number and its place.
    """

    key: str | None
    type: str
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class HostedEnded:
    """Such an item is whole, as the server shows it."""

    key: str
    json: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Compacted:
    """The context was compacted: what came before is sealed in `encrypted_content` (G8)."""

    encrypted_content: str


@dataclass(frozen=True, slots=True)
class PartEnded:
    """The next text, refusal or thought begins a new part of the same item."""


@dataclass(frozen=True, slots=True)
class ItemEnded:
    """The item that is open is whole; what follows belongs to a new one."""


@dataclass(frozen=True, slots=True)
class Used:
    """Token counts so far: the latest replaces the earlier ones."""

    usage: Usage


@frozen_dataclass(frozen=True, slots=True)
class Finished:
    """The model stopped, and why. `service_tier` is what served it, where the upstream says so.

    `passed` is what it says of the answer as a whole, in its own words (response.PASSED_KEYS).
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

#: Deltas that are no output yet: an item that was opened may still be followed by an error.
_NO_OUTPUT = frozenset({Used, PartEnded, MessageOpened, ReasoningOpened})


def has_output(deltas: Batch) -> bool:
    """Tell whether an answer has begun (A2)."""
    return not _NO_OUTPUT.issuperset(map(type, deltas))


def note_output(error: GatewayError, deltas: Batch) -> None:
    """Have an error say that the model was paid for, where it had output before that (U5)."""
    error.work_done = error.work_done or has_output(deltas)


def close_batches(batches: object) -> None:
    """End an iterator of batches; one that is a generator does what it has to do at its end."""
    close = getattr(batches, "close", None)
    if close is not None:
        close()
