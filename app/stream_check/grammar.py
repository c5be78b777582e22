"""The grammar of a stream, checked on events in their JSON form.

It is described in docs/contract.md under "The order of events".
"""

from __future__ import annotations

from app.domain.hosted.item import HOSTED_KINDS, is_search_elsewhere
from app.schemas.request.items.input import ITEMS
from app.schemas.wire.events import EVENT
from app.stream_check.call_grammar import (
    ApplyPatchCallGrammar,
    LocalShellCallGrammar,
    ShellCallGrammar,
    ToolSearchCallGrammar,
)
from app.stream_check.hosted_grammar import HostedGrammar
from app.stream_check.item_grammar import (
    Breach,
    CompactionGrammar,
    CustomCallGrammar,
    FunctionCallGrammar,
    ItemGrammar,
    Json,
    MessageGrammar,
    ReasoningGrammar,
    require,
)

_TERMINAL = {
    "response.completed": {"completed"},
    "response.incomplete": {"incomplete"},
    "response.failed": {"failed", "cancelled"},
}


class Grammar:
    """Checks the events of one stream, in order, and raises Breach for the first misplaced one.

    The stream must be numbered from `first_number`. If that is not 0, it continues another
    (`starting_after`), and only the numbering can be checked.
    """

    def __init__(self, first_number: int = 0) -> None:
        self._next_number = first_number
        self._partial = first_number > 0
        self._response_id: str | None = None
        self._status: str | None = None
        self._begun = False
        self._had_error = False
        self._done_items: list[Json] = []
        self._item: ItemGrammar | None = None
        self.ended = False

    def take(self, event: Json) -> None:
        """Check the next event.

        Raises:
            Breach: it is not allowed here, or contradicts an earlier event.
        """
        require(not self.ended, "nothing may follow the terminal event")
        kind, number = event["type"], event["sequence_number"]
        require(
            number == self._next_number,
            f"sequence_number is {number}, expected {self._next_number}",
        )
        self._next_number += 1
        if self._partial:
            self.ended = kind in _TERMINAL
        elif "response" in event:
            self._take_lifecycle(kind, event["response"])
        elif kind == "error":
            require(self._item is None, "an item is open when the error is sent")
            self._had_error = True
        else:
            self._take_item_event(kind, event)

    def _take_lifecycle(self, kind: str, response: Json) -> None:
        if kind == "response.created":
            require(self._status is None, "response.created may only come first")
            require(response["output"] == [], "response.created must have an empty output")
            self._response_id, self._status = response["id"], response["status"]
            require(
                self._status in ("in_progress", "queued"),
                f"response.created has the status {self._status!r}",
            )
            return
        require(self._status is not None, "the first event must be response.created")
        require(response["id"] == self._response_id, "the response's id has changed")
        if kind in _TERMINAL:
            self._take_terminal(kind, response)
        elif kind == "response.queued":
            waits = self._status == "queued" and not self._begun
            require(waits, "response.queued after work has begun")
        else:
            require(not self._done_items, "response.in_progress must come before any item")
            require(response["output"] == [], "response.in_progress must have an empty output")
            self._begun = True

    def _take_terminal(self, kind: str, response: Json) -> None:
        require(self._item is None, f"an item is open at {kind}")
        require(self._begun or kind == "response.failed", f"{kind} before response.in_progress")
        require(
            response["status"] in _TERMINAL[kind],
            f"{kind} carries the status {response['status']!r}",
        )
        require(
            not self._had_error or kind == "response.failed",
            "only response.failed may follow an error",
        )
        require(
            response["output"] == self._done_items,
            f"the output of {kind} differs from output_item.done",
        )
        self.ended = True

    def _take_item_event(self, kind: str, event: Json) -> None:
        require(self._begun, f"{kind} before response.in_progress")
        require(not self._had_error, "nothing but response.failed may follow an error")
        if kind not in EVENT.documents and not event.keys() & {"output_index", "item_id"}:
            return  # the provider's own event about the whole answer
        index = event.get("output_index")
        require(
            index == len(self._done_items),
            f"output_index is {index}, expected {len(self._done_items)}",
        )
        if kind == "response.output_item.added":
            require(self._item is None, "an item is added while another is open")
            self._item = _item_grammar(event["item"])
        elif self._item is None:
            raise Breach(f"{kind} before response.output_item.added")
        elif kind == "response.output_item.done":
            self._item.finish(event["item"])
            self._done_items.append(event["item"])
            self._item = None
        else:
            own_id = self._item.item["id"]  # events of a shell's commands have no item_id
            require(event.get("item_id", own_id) == own_id, "item_id is not that of the open item")
            self._item.take(kind, event)


def _item_grammar(item: Json) -> ItemGrammar:
    """Return the checker for an item that was added."""
    kinds: dict[str, type[ItemGrammar]] = {
        "message": MessageGrammar,
        "function_call": FunctionCallGrammar,
        "custom_tool_call": CustomCallGrammar,
        "tool_search_call": ToolSearchCallGrammar,
        "local_shell_call": LocalShellCallGrammar,
        "shell_call": ShellCallGrammar,
        "apply_patch_call": ApplyPatchCallGrammar,
        "compaction": CompactionGrammar,
        "reasoning": ReasoningGrammar,
    }
    kind = kinds.get(item["type"])
    if kind is ToolSearchCallGrammar and is_search_elsewhere(item):
        kind = HostedGrammar
    if kind is None:
        if item["type"] in ITEMS and item["type"] not in HOSTED_KINDS:
            raise Breach(f"no output item has the type {item['type']!r}")
        kind = HostedGrammar
    return kind(item)
