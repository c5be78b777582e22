"""Read answers of an upstream that speaks Responses, whole or in events, as deltas. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.domain.stream.deltas import Delta, Finished, Text, Used, note_output
from app.errors import GatewayError, UpstreamUnavailable
from app.providers.faults.error_body import failure_in, failure_instead
from app.providers.openai_responses.output.calls import (
    BuiltInCallItem,
    CallItem,
    CustomCallItem,
)
from app.providers.openai_responses.output.hosted import passed_of
from app.providers.openai_responses.output.items import (
    MessageItem,
    OutputItem,
    ReasoningItem,
)
from app.providers.openai_responses.output.open_items import OpenItems
from app.providers.reading.budget import BOUNDS
from app.providers.reading.counts import Counts
from app.providers.reading.events import Fault, Json
from app.providers.reading.fields import Note, ignore, unreadable
from app.providers.reading.finish_reasons import (
    NO_FINISH,
    finish_reason,
    reason_word,
    reported_tier,
)
from app.providers.reading.json_text import Misread
from app.providers.reading.understanding import ContentReader

#: Events that add to an item -> the kind of item, and the method that adds.
_OF_ITEMS: dict[object, tuple[type[OutputItem], Callable[[Any, Json], list[Delta]]]] = {
    "response.output_text.delta": (MessageItem, MessageItem.add_text),
    "response.output_text.done": (MessageItem, MessageItem.rest_of_text),
    "response.output_text.annotation.added": (MessageItem, MessageItem.add_annotation),
    "response.refusal.delta": (MessageItem, MessageItem.add_refusal),
    "response.refusal.done": (MessageItem, MessageItem.rest_of_text),
    "response.reasoning_text.delta": (ReasoningItem, ReasoningItem.add_thought),
    "response.reasoning_text.done": (ReasoningItem, ReasoningItem.rest_of_text),
    "response.reasoning_summary_text.delta": (ReasoningItem, ReasoningItem.add_thought),
    "response.reasoning_summary_text.done": (ReasoningItem, ReasoningItem.rest_of_text),
    # Open Responses' names, and those of servers that follow earlier names of OpenAI's.
    "response.reasoning.delta": (ReasoningItem, ReasoningItem.add_thought),
    "response.reasoning.done": (ReasoningItem, ReasoningItem.rest_of_text),
    "response.reasoning_content.delta": (ReasoningItem, ReasoningItem.add_thought),
    "response.reasoning_content.done": (ReasoningItem, ReasoningItem.rest_of_text),
    "response.reasoning_summary.delta": (ReasoningItem, ReasoningItem.add_thought),
    "response.reasoning_summary.done": (ReasoningItem, ReasoningItem.rest_of_text),
    "response.reasoning_summary_part.done": (ReasoningItem, ReasoningItem.end_part),
    "response.function_call_arguments.delta": (CallItem, CallItem.add_arguments),
    "response.function_call_arguments.done": (CallItem, CallItem.rest),
    "response.custom_tool_call_input.delta": (CustomCallItem, CustomCallItem.add_input),
    "response.custom_tool_call_input.done": (CustomCallItem, CustomCallItem.rest),
    "response.shell_call_command.added": (BuiltInCallItem, BuiltInCallItem.begin_command),
    "response.shell_call_command.delta": (BuiltInCallItem, BuiltInCallItem.add_piece),
    "response.shell_call_command.done": (BuiltInCallItem, BuiltInCallItem.end_command),
    "response.apply_patch_call_operation_diff.delta": (BuiltInCallItem, BuiltInCallItem.add_piece),
    "response.apply_patch_call_operation_diff.done": (BuiltInCallItem, BuiltInCallItem.end_diff),
}
#: A whole answer has at least one of these fields.
_OF_A_RESPONSE = {"output", "status", "error"}
_NO_RESPONSE = "it is not a response"
#: The events that begin a part; `reasoning_part` is vLLM's own.
_PARTS_BEGIN = {
    f"response.{part}_part.added" for part in ("content", "reasoning", "reasoning_summary")
}
#: The events that end a stream.
_LAST = {
    f"response.{ending}"
    for ending in ("completed", "incomplete", "failed", "done", "cancelled", "canceled")
}
#: Statuses of a response that has not ended, or was cancelled.
_NOT_ENDED = ("in_progress", "queued", "cancelled", "canceled")
_ENDED = ("completed", "incomplete", "failed")

#: Beginnings of error codes that come without a type and are about the request.
_CALLERS_FAULTS = (
    "invalid_",
    "image_",
    "unsupported_image",
    "empty_image",
    "failed_to_download",
    "bio_policy",
    "data_residency",
)


class ResponsesReader:
    """Reads one answer, in order. Implements events.EventInterpreter.

    `cut_at` is the limit of output tokens, if the server does not report that it cut an answer:
    one that reaches it was cut, and none of its items ends before the length is known.
    `has_namespaces` says that the upstream was sent the tools' namespaces, and returns them;
    `carries` that it runs tools itself, whose items and events are passed on (P2); `shows_text`
    that the text of its reasoning is passed on as such (A3); `is_encrypted` that its reasoning
    comes encrypted, to be returned; `passes` that its fields about the whole answer are passed on
    (P1); `shows_logprobs` is as in OptionalFields.
    """

    def __init__(
        self,
        fault: Fault,
        cut_at: int | None = None,
        note: Note = ignore,
        *,
        has_namespaces: bool = False,
        carries: bool = False,
        shows_text: bool = False,
        is_encrypted: bool = False,
        passes: bool = False,
        shows_logprobs: bool = True,
    ) -> None:
        self.is_done = False
        self._fault = fault
        self._reader = ContentReader(note, shows_logprobs=shows_logprobs)
        self._understanding = self._reader.understanding
        self._counts = Counts()
        self._usage: object = None  # the latest usage
        self._is_counted = False  # usage came after the last output
        self._has_begun = False  # the response came in an event
        self._cut_at = cut_at
        self._passes = passes
        self._items = OpenItems(
            self._reader,
            may_be_cut=cut_at is not None,
            has_namespaces=has_namespaces,
            carries=carries,
            shows_text=shows_text,
            is_encrypted=is_encrypted,
        )

    @property
    def may_end(self) -> bool:
        """Whether an end here leaves the answer complete (A9)."""
        return self._is_counted

    def whole(self, body: Json, deltas: list[Delta]) -> None:
        """Append the deltas of a whole body.

        Raises:
            GatewayError: the answer failed.
            Misread: it is not an answer.
        """
        if not body.get("output") and (error := failure_instead(body)):
            raise self._failure(error)
        if not body.keys() & _OF_A_RESPONSE:
            raise Misread(_NO_RESPONSE)
        self._finish(body, "completed", deltas)

    def event(self, event: Json, deltas: list[Delta]) -> None:
        """Append the deltas of the next event of a stream.

        Raises:
            GatewayError: the event reports that the answer failed.
        """
        before = len(deltas)
        self._event(event, deltas)
        if not self._understanding.has_known:
            self._understanding.note_known(deltas[before:])

    def _event(self, event: Json, deltas: list[Delta]) -> None:
        kind = event.get("type")
        of_item = _OF_ITEMS.get(kind)
        if of_item is not None:
            self._is_counted = False
            deltas += self._items.take(*of_item, event)
            return
        match kind:
            case "response.output_item.added":
                self._is_counted = False
                deltas += self._items.added(event)
            case "response.output_item.done":
                deltas += self._items.done(event)
            case str() if kind in _PARTS_BEGIN:
                deltas += self._items.begin_part(event)
            case "response.content_part.done":
                self._is_counted = False
                part = self._reader.mapping(event, "part")
                if part.get("type") == "reasoning_text":
                    deltas += self._items.take(ReasoningItem, ReasoningItem.end_part, event)
                else:
                    deltas += self._items.take(MessageItem, MessageItem.end_part, event)
            case "error":
                raise self._failure(event.get("error") or _flat_error(event))
            case str() if kind in _LAST:
                response = self._reader.mapping(event, "response")
                ended = {"usage": event.get("usage")} | response
                self._finish(ended, kind.removeprefix("response."), deltas)
            case _:
                self._other_event(event, deltas)

    def _other_event(self, event: Json, deltas: list[Delta]) -> None:
        """Look for an error and for usage in an unknown event, and pass it on if `carries`.

        It may also be a whole answer, after keep-alives.
        """
        if event.get("object") == "response" and event.get("status") in _ENDED:
            self._finish(event, "completed", deltas)
            return
        if error := failure_instead(event):
            raise self._failure(error)
        self._note_usage(event)
        passed = self._items.note(event)
        if not passed and event["type"].endswith(".delta"):
            self._understanding.note_unknown("event", event["type"])
        deltas += passed

    def end(self, deltas: list[Delta]) -> None:
        """Append the final deltas at a [DONE] in place of the last event: it is complete (A9).

        Raises:
            UpstreamMisbehaved: no answer has begun.
        """
        if self.is_done:
            return
        if self._items.is_empty and not self._has_begun:
            raise unreadable(Misread(_NO_RESPONSE))
        self.is_done = True
        self._understanding.check()
        deltas += self._items.leave()
        self._used(self._usage, deltas)
        deltas.append(Finished("stop"))

    def over(self, deltas: list[Delta]) -> None:
        """Append the final deltas of an answer whose usage came last (A9); none for another."""
        if self.may_end and not self._items.is_empty:
            self.end(deltas)

    def _note_usage(self, event: Json) -> None:
        """Keep the usage in an event that is not the last one."""
        usage, response = event.get("usage"), event.get("response")
        if isinstance(response, dict):
            self._has_begun = True
            usage = usage or response.get("usage")
        if usage:
            self._usage, self._is_counted = usage, True

    def _finish(self, response: Json, ending: str, deltas: list[Delta]) -> None:
        self.is_done = True
        status = self._reader.string(response, "status") or ending
        error = failure_in(response)
        output = self._reader.contents(response, "output", BOUNDS.items)
        if status == "failed" or error:
            failure = self._failure(error or {})
            self._used(response.get("usage") or self._usage, deltas)
            if self._items.is_empty:  # else the output has come in events
                note_output(failure, [*self._items.reconcile(output), *deltas])
            raise failure
        deltas += self._items.reconcile(output)
        if self._items.is_empty and (text := self._reader.text(response, "output_text")):
            deltas.append(Text(text))
        self._understanding.note_known(deltas)
        self._understanding.check()
        usage = self._used(response.get("usage") or self._usage, deltas)
        tier = reported_tier(self._reader.string(response, "service_tier"))
        passed = passed_of(response) if self._passes else {}
        if status == "incomplete":
            why = self._reader.mapping(response, "incomplete_details")
            word = reason_word(why.get("reason"))
            reason = finish_reason(word)
            if word and reason is None:
                self._reader.note("finish_reason", word)
            filtered = reason == "content_filter"
            deltas.append(Finished("content_filter" if filtered else "length", tier, passed))
        elif status in _NOT_ENDED:
            raise UpstreamUnavailable(NO_FINISH, work_done=True)
        else:
            if status != "completed":
                self._reader.note("status", status)
            was_cut = self._cut_at is not None and usage >= self._cut_at
            deltas.append(Finished("length" if was_cut else "stop", tier, passed))

    def _used(self, received: object, deltas: list[Delta]) -> int:
        """Append the usage, if there is any; return its output tokens."""
        if not received:
            return 0
        usage = self._counts.read(received, self._reader.note)
        if usage is None:
            return 0
        deltas.append(Used(usage))
        return usage.output_tokens

    def _failure(self, error: object) -> GatewayError:
        if isinstance(error, dict) and not error.get("type"):
            code = error.get("code")
            if isinstance(code, str) and code.startswith(_CALLERS_FAULTS):
                error = error | {"type": "invalid_request_error"}
        return self._fault(error)


def _flat_error(event: Json) -> Json:
    return {name: event[name] for name in ("code", "message", "param") if name in event}
