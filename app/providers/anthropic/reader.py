"""Read Anthropic's answers, whole or in events, as deltas. Pure."""

from __future__ import annotations

from app.domain.stream.deltas import CallOpened, Delta, Finished, Refused, Text, Used
from app.providers.anthropic.blocks import is_blank, is_known
from app.providers.anthropic.open_blocks import OpenBlocks
from app.providers.faults.error_body import failure_instead
from app.providers.reading.counts import Counts
from app.providers.reading.events import Fault, Json
from app.providers.reading.fields import Note, ignore, refuse_too_many, unreadable
from app.providers.reading.finish_reasons import Reason, finish_reason, later_reason, reason_word
from app.providers.reading.json_text import Misread
from app.providers.reading.understanding import ContentReader

#: The refusal's text if the model refused without a text or an explanation.
REFUSED = "The model declined to answer."

#: A whole answer has the type "message" or at least one of these fields; usage alone is not enough,
#: as other formats have it, too.
_OF_A_MESSAGE = {"content", "stop_reason"}
_NO_MESSAGE = "it is not a message"
_TIERS = {"standard": "default", "priority": "priority", "batch": "flex"}


class MessagesReader:
    """Reads one answer, in order. Implements events.EventInterpreter."""

    def __init__(self, fault: Fault, note: Note = ignore) -> None:
        self.is_done = False
        self._fault = fault
        self._note = note
        self._reader = ContentReader(note)
        self._understanding = self._reader.understanding
        self._blocks = OpenBlocks(self._reader)
        self._started = False
        self._has_content = False
        self._is_counted = False  # usage of the whole answer has come
        self._has_output = False
        self._is_reason_noted = False
        self._counts = Counts(cache_is_apart=True)
        self._tier = ""
        self._stop_reason: str | None = None
        self._explanation: str | None = None

    @property
    def may_end(self) -> bool:
        """Whether an end here leaves the answer complete (A9)."""
        return self._stop_reason is not None or self._is_counted

    def whole(self, body: Json, deltas: list[Delta]) -> None:
        """Append the deltas of a whole body.

        Raises:
            GatewayError: the body is an error.
        """
        if error := failure_instead(body):
            raise self._fault(error)
        if body.get("type") != "message" and not body.keys() & _OF_A_MESSAGE:
            raise Misread(_NO_MESSAGE)
        self._start(body, deltas)
        self.end(deltas)

    def event(self, event: Json, deltas: list[Delta]) -> None:
        """Append the deltas of the next event of a stream.

        Raises:
            GatewayError: the event is an error.
        """
        match event.get("type"):
            case "content_block_delta":
                self._go_on()
                deltas += self._grow(event)
            case "content_block_start":
                self._go_on()
                block = self._reader.mapping(event, "content_block")
                deltas += self._open_block(block, event.get("index"))
            case "content_block_stop":
                deltas += self._noted(self._blocks.stop(event.get("index")))
            case "message_start":
                self._start(self._reader.mapping(event, "message"), deltas)
            case "message_delta":
                self._change(event, deltas)
            case "message_stop":
                self.end(deltas)
            case "message" if event.get("stop_reason"):  # a whole answer, after keep-alives
                self._last(event, deltas)
            case _:
                if error := failure_instead(event):
                    raise self._fault(error)

    def _go_on(self) -> None:
        """Forget signs of the end as content follows: usage, and a reason that precedes output."""
        self._is_counted = False
        if not self._has_output:
            self._stop_reason = None

    def over(self, deltas: list[Delta]) -> None:
        """Append the remaining deltas of a stream that ended without [DONE]."""
        if self.may_end and self._has_begun:
            self.end(deltas)

    @property
    def _has_begun(self) -> bool:
        """Whether there is an answer: a relay may omit the message's start."""
        return self._started or self._has_output or self._stop_reason is not None

    def end(self, deltas: list[Delta]) -> None:
        """Append the final deltas; the answer is complete even without a stop reason (A9).

        Raises:
            UpstreamMisbehaved: an end came without an answer.
            UpstreamUnavailable: the server broke off.
        """
        was_done, self.is_done = self.is_done, True
        if was_done:
            return
        if not self._has_begun:
            raise unreadable(Misread(_NO_MESSAGE))
        deltas += self._noted(self._blocks.stop_all())
        self._understanding.check()
        reason = self._reason()
        if reason == "content_filter" and not self._has_output:  # explain why (U10)
            deltas.append(Refused(self._explanation or REFUSED))
        elif reason == "stop":
            deltas += self._blocks.end_call()
        deltas.append(Finished(reason, _TIERS.get(self._tier)))

    def _start(self, message: Json, deltas: list[Delta]) -> None:
        if not self._started:  # relays splice answers, or repeat this event
            self._started = True
            self._message(message, deltas)

    def _last(self, message: Json, deltas: list[Delta]) -> None:
        """Append the deltas of a whole answer that ends a stream, without content already read.

        Raises:
            GatewayError: it is an error.
        """
        if error := failure_instead(message):
            raise self._fault(error)
        self._started = True
        if self._has_content:
            message = message | {"content": []}
        self._message(message, deltas)
        self.end(deltas)

    def _message(self, message: Json, deltas: list[Delta]) -> None:
        for index, block in enumerate(self._reader.contents(message, "content")):
            deltas += self._open_block(block, index)
            deltas += self._noted(self._blocks.stop(index))
            refuse_too_many(deltas)
        self._note_stop(message)
        deltas += self._count(message)

    def _change(self, event: Json, deltas: list[Delta]) -> None:
        change = self._reader.mapping(event, "delta")
        self._note_stop(change)
        deltas += self._noted(self._blocks.stop_all())
        self._is_counted = self._is_counted or bool(event.get("usage") or change.get("usage"))
        deltas += self._count(event) + self._count(change)
        if self._stop_reason is not None and self._reason() == "stop":
            deltas += self._blocks.end_call()

    def _reason(self) -> Reason:
        """Return why the model stopped. Raises UpstreamUnavailable if the server failed."""
        if self._stop_reason is None:
            return "stop"
        reason = finish_reason(self._stop_reason)
        if reason is None and not self._is_reason_noted:
            self._is_reason_noted = True
            self._note("finish_reason", self._stop_reason)
        return reason or "stop"

    def _note_stop(self, place: Json) -> None:
        reader = self._reader
        if reason := reason_word(place.get("stop_reason")):
            self._stop_reason = later_reason(self._stop_reason, reason)
        details = reader.mapping(place, "stop_details")
        self._explanation = reader.string(details, "explanation") or self._explanation

    def _count(self, place: Json) -> list[Delta]:
        """Return the delta for usage, which is cumulative: each replaces the previous one."""
        usage = place.get("usage")
        if not usage:
            return []
        counted = self._counts.read(usage, self._reader.note)
        if counted is None:
            return []
        self._tier = self._reader.string(usage, "service_tier") or self._tier
        return [Used(counted)]

    def _open_block(self, block: Json, index: object) -> list[Delta]:
        if not is_known(block):
            if block:
                self._understanding.note_unknown("block", block.get("type"))
            if is_blank(block):
                return []  # its first delta shows its kind
        return self._noted(self._blocks.start(block, index))

    def _grow(self, event: Json) -> list[Delta]:
        delta = event.get("delta")
        if not isinstance(delta, dict) or not delta.get("type"):
            delta = self._typed(event)
        return self._noted(self._blocks.grow(delta, event.get("index")))

    def _typed(self, event: Json) -> Json:
        """Return the event's delta with its missing type, inferred from its fields."""
        if isinstance(text := event.get("delta"), str):
            return {"type": "text_delta", "text": text}
        delta = self._reader.mapping(event, "delta")
        kinds = (f"{name}_delta" for name in ("text", "thinking", "signature") if name in delta)
        return delta | {"type": next(kinds, None)}

    def _noted(self, deltas: list[Delta]) -> list[Delta]:
        if not self._has_output:
            self._has_content = self._has_content or bool(deltas)
            self._has_output = any(isinstance(delta, Text | CallOpened) for delta in deltas)
        self._understanding.note_known(deltas)
        return deltas
