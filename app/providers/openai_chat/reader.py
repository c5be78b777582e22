"""Read a Chat Completions answer, streamed or whole, as deltas. Pure.

A chunk of a stream, and its delta:

    {"choices": [{"index": 0, "delta": {"content": "Hel"}, "finish_reason": null}]}  ->  Text("Hel")
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from app.domain.stream.deltas import Delta
from app.errors import GatewayError
from app.providers.faults.error_body import failure_in, failure_instead
from app.providers.openai_chat.calls import numbered
from app.providers.openai_chat.chunk import (
    CALLS,
    answer_in,
    content_of,
    goes_on,
    joined_message,
    message_in,
    reason_of,
)
from app.providers.openai_chat.kept_fields import KeptFields
from app.providers.openai_chat.message import MessageReader
from app.providers.reading.chunk_template import ChunkTemplate
from app.providers.reading.counts import Counts
from app.providers.reading.fields import Note, elements, ignore, mapping, unreadable
from app.providers.reading.finish_reasons import finished, later_reason, reason_word
from app.providers.reading.json_text import Misread, SurrogateJoiner, loads
from app.providers.reading.sse import DONE, Frame, odd_frame

Json = dict[str, Any]
#: Returns the gateway error for the value of an `error` field.
Fault = Callable[[object], GatewayError]

#: Event names that do not identify the event.
_NAMELESS = frozenset({"", "message", "error"})
_NO_CHOICE = "it has no choice"


class ChatReader:
    """Reads one answer. Implements pieces.AnswerReader.

    Finished comes at the end of the stream, because usage follows the chunk with the reason.
    A stream that ends without a reason is complete if [DONE] came, or usage after the last output
    (A9); otherwise it gets no Finished. `cut_at` is the limit of output tokens that was sent.
    """

    is_done = False
    _index: int | None = None  # of the choice that is read
    _has_begun = False  # there was a choice
    _has_output = False  # there was text, or a piece of a call
    _is_counted = False  # usage came after the last output
    _counts_along = False  # usage also came before output: beside a choice it is no sign of the end
    _usage: object = None
    _reason: str | None = None
    _tier: str | None = None

    def __init__(
        self,
        fault: Fault,
        note: Note = ignore,
        message: MessageReader | None = None,
        counts: Counts | None = None,
        cut_at: int | None = None,
    ) -> None:
        self._cut_at = cut_at
        self._fault = fault
        self._note = note
        self._message = message or MessageReader(note, KeptFields("", fields=False))
        self._optional = self._message.reader
        self.template = ChunkTemplate()
        self._json = SurrogateJoiner()
        self._counts = counts or Counts()

    @property
    def may_end(self) -> bool:
        """Whether an end here leaves the answer complete (A9)."""
        if self._reason is not None:
            return True
        return (self.is_done and self._has_begun) or (self._is_counted and self._has_output)

    def read(self, frames: Sequence[Frame], deltas: list[Delta]) -> None:
        """Append the deltas of the frames.

        Raises:
            UpstreamMisbehaved: a frame is not a readable chunk.
            GatewayError: the stream contains an error.
        """
        index = 0
        while index < len(frames) and not self.is_done:
            index = self.template.take(frames, index, deltas)
            if index < len(frames):
                self._read_frame(*frames[index], deltas)
                index += 1

    def end(self, deltas: list[Delta]) -> None:
        """Append the remaining deltas: calls still waiting, and Finished if it is complete.

        Raises UpstreamMisbehaved if [DONE] came without a choice; otherwise as `finished` does.
        """
        for chunk in self._json.all_left():
            self._read(chunk, b"", deltas)
        self._message.add_length(self.template.length)
        left = self._message.end()
        if is_whole := self.may_end:
            self._message.understanding.check()
        elif self.is_done:
            raise unreadable(Misread(_NO_CHOICE))
        deltas += left
        if is_whole:
            self._append_end(self._reason, self._tier, deltas)

    def _append_end(self, reason: object, tier: object, deltas: list[Delta]) -> None:
        """Append Finished: a call that the limit has cut is cut, whatever the server says.

        vLLM gives "tool_calls" for it in a stream (vllm-project/vllm 53269).
        """
        end = finished(reason, tier, self._note)
        used_up = self._cut_at is not None and self._counts.output_tokens >= self._cut_at
        if used_up and end.reason == "stop" and self._message.is_cut:
            end = replace(end, reason="length")
        deltas.append(end)

    def whole(self, body: bytes, deltas: list[Delta]) -> None:
        """Append the deltas of a whole answer, ending with Finished.

        Raises:
            UpstreamMisbehaved: it cannot be read as an answer, or nothing in it is understood.
            GatewayError: it is an error instead.
        """
        try:
            self._body(mapping(loads(body)), deltas)
        except Misread as error:
            raise unreadable(error) from error

    def _body(self, answer: Json, deltas: list[Delta]) -> None:
        if error := failure_instead(answer):
            raise self._fault(error)
        choices = answer_in(elements(answer.get("choices")))
        if not choices:
            raise Misread(_NO_CHOICE)
        self._take_message(answer, choices, deltas)
        left = self._message.end()
        groq = self._optional.mapping(answer, "x_groq") if "x_groq" in answer else {}
        for place in (answer, *choices, groq):
            if usage := place.get("usage"):
                left += self._counts.deltas_of(usage, self._note)
        if error := next(filter(None, map(failure_in, choices)), None):
            deltas += left
            raise self._fault(error)
        self._message.understanding.check()
        deltas += left
        tier = "service_tier" in answer and self._optional.string(answer, "service_tier")
        self._append_end(reason_of(choices), tier or None, deltas)

    def _take_message(self, answer: Json, choices: list[Json], deltas: list[Delta]) -> None:
        """Append the deltas of the answer's message, if it has one, except those of its end."""
        message = joined_message(choices)
        if message.get("tool_calls"):
            message = numbered(message)
        self._message.take(message, choices[0].get("logprobs"), deltas)
        self._message.take_sources(answer)

    def _read_frame(self, event: str, data: bytes, deltas: list[Delta]) -> None:
        if data == DONE:
            self._finish()
            return
        if not data.strip():
            return
        try:
            if (chunk := self._json.loads(data)) is None:
                return
            # A named event is no error just because it has a message: a keep-alive may have one.
            is_named = event not in _NAMELESS and type(chunk) is dict
            error = failure_instead({"type": event} | chunk if is_named else mapping(chunk))
            if error or event == "error":
                raise self._fault(error or chunk)
            if self._json.is_waiting and goes_on(chunk, self._index):
                for left in self._json.left(but=CALLS):
                    self._read(left, b"", deltas)
            self._read(chunk, data, deltas)
        except Misread as error:
            self._read_odd(event, data, error)
        finally:
            if self._json.is_waiting:
                self.template.forget()  # the second half may begin the next text

    def _finish(self) -> None:
        self.is_done = True
        self.template.forget()  # what follows is not part of the answer

    def _read_odd(self, event: str, data: bytes, error: Misread) -> None:
        """Handle a frame that is not a chunk. Raises as `read` does."""
        match odd_frame(event, data):
            case "end":
                self._finish()
            case "error":
                raise self._fault({"message": data.decode("utf-8", "replace")})
            case "idle":
                pass
            case None:
                raise unreadable(error) from error

    def _read(self, chunk: Json, data: bytes, deltas: list[Delta]) -> None:
        choices = chunk.get("choices")
        self._count(chunk, deltas)
        self._message.take_sources(chunk)
        if not choices or (choice := self._choice(choices)) is None:
            return
        self._has_begun = True
        delta, likely = choice.get("delta"), choice.get("logprobs")
        if not delta or type(delta) is not dict:
            delta = self._rest_of(choice)
        reason = (given := choice.get("finish_reason")) and reason_word(given)
        before = len(deltas)
        # MEASURED: nearly all chunks have a word of text and nothing else.
        if len(delta) == 1 and not likely and type(delta.get("content")) is str:
            if text := delta["content"]:
                self._message.take_text(text, deltas)
                progress, is_text = self._message.text, not self._message.think_tag
                # Leading blanks must be counted one by one, which the template does not do.
                if is_text and not reason and progress.length > progress.blanks:
                    self.template.learn(data, text, content_of)
        else:
            self._message.take(delta, likely, deltas)
            if self._message.kept.is_thinking or not self._message.has_open_text:
                self.template.forget()  # the next text ends a thought, or begins: it is parsed
        says = len(deltas) > before or any(map(delta.get, CALLS))
        self._count_choice(choice, deltas, says=says)
        if reason:
            self._reason = later_reason(self._reason, reason)
        if chunk.get("service_tier"):
            self._tier = self._optional.string(chunk, "service_tier") or self._tier

    def _rest_of(self, choice: Json) -> Json:
        """Return the new part of what a choice has in place of a delta object."""
        for name in () if choice.get("message") else ("delta", "text"):
            if choice.get(name) and isinstance(choice[name], str):
                return {"content": choice[name]}  # a piece, so all of it is new
        return self._message.rest(message_in(choice, "delta", "message"), self.template.length)

    def _choice(self, choices: object) -> Json | None:
        """Return the choice to read, the first one or its continuation; None if it is not there.

        Raises:
            GatewayError: it contains an error.
        """
        for choice in elements(choices):
            if not isinstance(choice, dict):
                self._optional.note("choices")
                continue
            index = choice.get("index")
            if self._index is None and isinstance(index, int):
                self._index = index
            if isinstance(index, int) and index != self._index:
                continue  # an alternative answer that was not requested
            if error := failure_in(choice):
                raise self._fault(error)
            return choice
        return None

    def _count_choice(self, choice: Json, deltas: list[Delta], *, says: bool) -> None:
        """Count a choice's usage; if usage also comes along with output, it does not mark the end.

        `says` tells whether the choice has text, or a piece of a call.
        """
        if says:
            self._has_output = True
            self._counts_along = self._counts_along or self._is_counted
        if "usage" in choice or "x_groq" in choice:
            self._count(choice, deltas)
        if self._counts_along:
            self._is_counted = False

    def _count(self, place: Json, deltas: list[Delta]) -> None:
        """Count the usage in a chunk or its choice; Groq has it under `x_groq`."""
        if "x_groq" in place:
            groq = self._optional.mapping(place, "x_groq")
            if error := groq.get("error"):
                raise self._fault(error)
            self._count(groq, deltas)
        usage = place.get("usage")
        if usage and usage != self._usage:
            self._usage = usage
            self._is_counted = True
            self.template.forget()  # text after usage must be noticed: it must be parsed
            deltas += self._counts.deltas_of(usage, self._note)
