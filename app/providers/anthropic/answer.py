"""Anthropic's answers, whole or in events, as deltas. Pure."""

from __future__ import annotations

from app.domain.deltas import CallOpened, Delta, Finished, ItemEnded, Refused, Text, Used
from app.providers.anthropic.blocks import Block, ToolBlock, block_of
from app.providers.counts import Counts
from app.providers.events import Fault, Json
from app.providers.fields import Note, Optional, ignore, mapping, mappings

#: Told where the model refused and gave neither words nor a reason.
REFUSED = "The model declined to answer."

#: Reasons to stop that cut what is open.
_CUTS = ("max_tokens", "model_context_window_exceeded", "refusal")
_TIERS = {"standard": "default", "priority": "priority", "batch": "flex"}


class Answer:
    """Reads one answer, in order. Implements events.Answer.

    The end of a call is told only when something follows, or the model stopped by itself: the
    format ends a block that was cut like any other.
    """

    def __init__(self, fault: Fault, note: Note = ignore) -> None:
        self.is_done = False
        self._fault = fault
        self._optional = Optional(note)
        self._started = False
        self._blocks = 0
        self._open: Block | None = None
        self._index: object = None
        self._call_is_open = False
        self._has_said = False
        self._counts = Counts(cache_is_apart=True)
        self._tier = ""
        self._stop_reason: str | None = None
        self._explanation: str | None = None

    def whole(self, body: Json) -> list[Delta]:
        """Return what a whole body says.

        Raises:
            GatewayError: the body is an error.
        """
        if body.get("error"):
            raise self._fault(body["error"])
        return [*self._start(body), *self._stop()]

    def event(self, event: Json) -> list[Delta]:
        """Return what the next event of a stream says.

        Raises:
            GatewayError: the event is an error.
        """
        match event.get("type"):
            case "content_block_delta":
                return self._grow(event)
            case "content_block_start":
                block = mapping(event.get("content_block") or {})
                return self._open_block(block, event.get("index"))
            case "content_block_stop":
                return self._close_block()
            case "message_start":
                return self._start(mapping(event.get("message")))
            case "message_delta":
                return self._change(event)
            case "message_stop":
                return self._stop()
            case _:
                if event.get("error"):
                    raise self._fault(event["error"])
                return []

    def _start(self, message: Json) -> list[Delta]:
        if self._started:
            return []  # relays splice answers, or say this twice
        self._started = True
        deltas: list[Delta] = []
        for index, block in enumerate(mappings(message.get("content"))):
            deltas += self._open_block(block, index)
            deltas += self._close_block()
        self._note_stop(message)
        return deltas + self._count(message)

    def _change(self, event: Json) -> list[Delta]:
        self._note_stop(mapping(event.get("delta") or {}))
        deltas = self._close_block()
        if self._stop_reason not in (None, *_CUTS):
            deltas += self._end_call()
        return deltas + self._count(event)

    def _note_stop(self, told: Json) -> None:
        optional = self._optional
        self._stop_reason = optional.string(told, "stop_reason") or self._stop_reason
        details = optional.mapping(told, "stop_details")
        self._explanation = optional.string(details, "explanation") or self._explanation

    def _count(self, told: Json) -> list[Delta]:
        """Take in counts, which are cumulative: each replaces what was told before."""
        usage = told.get("usage")
        if not usage:
            return []
        counted = self._counts.read(usage)
        if counted is None:
            self._optional.note("usage")
            return []
        self._tier = self._optional.string(usage, "service_tier") or self._tier
        return [Used(counted)]

    def _open_block(self, block: Json, index: object) -> list[Delta]:
        deltas = [*self._close_block(), *self._end_call()]
        self._blocks += 1
        self._open, self._index = block_of(block, str(self._blocks), self._optional), index
        self._call_is_open = isinstance(self._open, ToolBlock)
        return deltas + self._noted(self._open.begun())

    def _grow(self, event: Json) -> list[Delta]:
        index = event.get("index")
        if self._open is None or index not in (None, self._index):
            return []
        return self._noted(self._open.grown(mapping(event.get("delta") or {})))

    def _close_block(self) -> list[Delta]:
        if self._open is None:
            return []
        block, self._open = self._open, None
        return block.ended()

    def _end_call(self) -> list[Delta]:
        if not self._call_is_open:
            return []
        self._call_is_open = False
        return [ItemEnded()]

    def _noted(self, deltas: list[Delta]) -> list[Delta]:
        if not self._has_said:
            self._has_said = any(isinstance(delta, Text | CallOpened) for delta in deltas)
        return deltas

    def _stop(self) -> list[Delta]:
        """End the answer, if the model has said why it stopped."""
        self.is_done = True
        deltas = self._close_block()
        tier = _TIERS.get(self._tier)
        match self._stop_reason:
            case None:
                return deltas
            case "max_tokens" | "model_context_window_exceeded":
                return [*deltas, Finished("length", tier)]
            case "refusal":
                refusal = [] if self._has_said else [Refused(self._explanation or REFUSED)]
                return [*deltas, *refusal, Finished("content_filter", tier)]
            case _:
                return [*deltas, *self._end_call(), Finished("stop", tier)]
