"""What a Chat Completions server answers, as deltas. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from app.domain.deltas import Annotated, Delta, Finished, Refused, Text, Thought, Used
from app.errors import GatewayError, UpstreamMisbehaved, UpstreamUnavailable
from app.providers.alike import Alike
from app.providers.counts import Counts, whole_number
from app.providers.fields import Misread, Note, Optional, ignore, mapping, mappings, string
from app.providers.json_text import loads
from app.providers.logprobs import logprobs
from app.providers.openai_chat.calls import Calls
from app.providers.sse import Frame

Json = dict[str, Any]
#: Makes our error of what a server puts under `error`.
Fault = Callable[[object], GatewayError]

DONE = b"[DONE]"

_REASONS: dict[str, Literal["length", "content_filter"]] = {
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "content_filter": "content_filter",
}
#: Reasons that say the server gave up in the middle.
_BROKEN = {"error", "abort", "insufficient_system_resource"}


class ChunkReader:
    """Reads the chunks of one streamed answer.

    The finish is told at the end of the stream, because usage follows the chunk that has the
    reason. A stream that ends without a reason is left without a Finished.
    """

    def __init__(self, fault: Fault, note: Note = ignore) -> None:
        self.is_done = False
        self._fault = fault
        self._optional = Optional(note)
        self._calls = Calls()
        self._alike = Alike()
        self._counts = Counts()
        self._usage: object = None
        self._reason: str | None = None
        self._tier: str | None = None

    def read(self, frames: Sequence[Frame], deltas: list[Delta]) -> None:
        """Add what the frames say.

        Raises:
            UpstreamMisbehaved: for a frame that is no chunk.
            GatewayError: for an error in the stream.
        """
        index = self._alike.take(frames, 0, deltas)
        while index < len(frames):
            self._read_frame(*frames[index], deltas)
            index = self._alike.take(frames, index + 1, deltas)

    def end(self) -> list[Delta]:
        """Return the calls that were held back, and the finish if there was one."""
        deltas = self._calls.end()
        if self._reason is not None:
            deltas.append(finished(self._reason, self._tier))
        return deltas

    def _read_frame(self, event: str, data: bytes, deltas: list[Delta]) -> None:
        if data == DONE:
            self.is_done = True
        elif data:
            try:
                chunk = mapping(loads(data))
                if event == "error" or chunk.get("error"):
                    raise self._fault(chunk.get("error") or chunk)
                self._read(chunk, data, deltas)
            except ValueError as error:
                raise nonsense() from error

    def _read(self, chunk: Json, data: bytes, deltas: list[Delta]) -> None:
        choices = mappings(chunk.get("choices"))
        self._count(chunk, deltas)
        if not choices:
            return
        choice = choices[0]
        delta, likely = mapping(choice.get("delta") or {}), choice.get("logprobs")
        reason = choice.get("finish_reason")
        # MEASURED: nearly every chunk is a word of text and nothing else.
        if len(delta) == 1 and not likely and type(delta.get("content")) is str:
            if text := delta["content"]:
                deltas.append(Text(text))
                if not reason:
                    self._alike.show(data, text, _content)
        else:
            said(delta, likely, self._calls, deltas, self._optional)
        self._count(choice, deltas)
        if reason:
            self._finish(choice, string(reason))
        if chunk.get("service_tier"):
            self._tier = self._optional.string(chunk, "service_tier") or self._tier

    def _finish(self, choice: Json, reason: str) -> None:
        if choice.get("error"):
            raise self._fault(choice["error"])
        self._reason = reason

    def _count(self, place: Json, deltas: list[Delta]) -> None:
        """Take in the counts that a chunk or its choice has; Groq keeps them in a room apart."""
        if "x_groq" in place:
            self._count(self._optional.mapping(place, "x_groq"), deltas)
        usage = place.get("usage")
        if usage and usage != self._usage:
            self._usage = usage
            deltas += counted(self._counts, usage, self._optional.note)


def _content(chunk: Json) -> object:
    return chunk["choices"][0]["delta"]["content"]


def body_deltas(body: bytes, fault: Fault, note: Note = ignore) -> list[Delta]:
    """Return what a whole answer says, ending with Finished.

    Raises:
        UpstreamMisbehaved: when it is no answer.
        GatewayError: for an error in its place.
    """
    try:
        answer, optional = mapping(loads(body)), Optional(note)
        if answer.get("error"):
            raise fault(answer["error"])
        choices = mappings(answer.get("choices"))
        if not choices:
            raise Misread("there is no choice")
        choice = choices[0]
        if choice.get("error"):
            raise fault(choice["error"])
        message: Json = mapping(choice.get("message"))
        calls, deltas = Calls(), list[Delta]()
        if message.get("tool_calls"):
            message = _numbered(message)
        said(message, choice.get("logprobs"), calls, deltas, optional)
        if message.get("tool_calls") or message.get("function_call"):
            deltas += calls.end()
        counts = Counts()
        for place in (answer, choice, optional.mapping(answer, "x_groq")):
            deltas += counted(counts, place.get("usage"), note)
        tier = optional.string(answer, "service_tier") or None
        deltas.append(finished(choice.get("finish_reason") or "stop", tier))
    except ValueError as error:
        raise nonsense() from error
    return deltas


def said(
    message: Json, likely: object, calls: Calls, deltas: list[Delta], optional: Optional
) -> None:
    """Add what a message, or a piece of one, says.

    Raises:
        Misread: it is none.
    """
    message = mapping(message)
    if thought := message.get("reasoning_content") or message.get("reasoning"):
        deltas.append(Thought(string(thought)))
    if content := message.get("content"):
        if isinstance(content, str):
            tokens = logprobs(mapping(likely), "content", optional) if likely else ()
            deltas.append(Text(content, tokens))
        else:
            _add_parts(mappings(content), deltas)
    if refusal := message.get("refusal"):
        deltas.append(Refused(string(refusal)))
    for annotation in optional.mappings(message, "annotations"):
        if told := _citation(annotation, optional):
            deltas.append(Annotated(told))
    if told_calls := message.get("tool_calls"):
        for call in mappings(told_calls):
            deltas += calls.hear(call)
    elif function := message.get("function_call"):
        deltas += calls.hear({"index": 0, "function": function})


def counted(counts: Counts, usage: object, note: Note) -> list[Delta]:
    """Return what a server has counted so far, if this says anything of it."""
    if not usage:
        return []
    told = counts.read(usage)
    if told is None:
        note("usage")
        return []
    return [Used(told)]


def finished(reason: object, tier: object) -> Finished:
    """Return why the model stopped.

    Raises:
        UpstreamUnavailable: when it is the server that broke off.
        Misread: when the reason is no text.
    """
    reason = string(reason)
    if reason in _BROKEN:
        raise UpstreamUnavailable("the upstream broke off its answer", work_done=True)
    return Finished(_REASONS.get(reason, "stop"), tier if isinstance(tier, str) else None)


def nonsense() -> UpstreamMisbehaved:
    """Return the error for an answer that cannot be understood."""
    return UpstreamMisbehaved("the upstream sent an answer that cannot be read", work_done=True)


def _numbered(message: Json) -> Json:
    """Give each call of a whole message its index: there, none is a fragment of another."""
    calls = [{**call, "index": i} for i, call in enumerate(mappings(message["tool_calls"]))]
    return {**message, "tool_calls": calls}


def _add_parts(content: Sequence[Json], deltas: list[Delta]) -> None:
    """Add content that comes as a list of parts, thinking among them (Mistral)."""
    for part in content:
        if part.get("type") == "text":
            deltas.append(Text(string(part.get("text"))))
        elif part.get("type") == "thinking":
            for thought in mappings(part.get("thinking")):
                deltas.append(Thought(string(thought.get("text"))))


def _citation(annotation: dict[str, Any], optional: Optional) -> dict[str, Any] | None:
    """Return a web citation flat, as Responses has it; other kinds have no place there."""
    cited = annotation.get("url_citation")
    if annotation.get("type") != "url_citation" or not isinstance(cited, dict):
        return None
    return {
        "type": "url_citation",
        "url": optional.string(cited, "url"),
        "title": optional.string(cited, "title"),
        "start_index": whole_number(cited.get("start_index")) or 0,
        "end_index": whole_number(cited.get("end_index")) or 0,
    }
