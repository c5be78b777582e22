"""What a Chat Completions server answers, as deltas. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import orjson

from app.domain.deltas import Annotated, Delta, Finished, Refused, Text, Thought, Used
from app.domain.response import Usage
from app.errors import GatewayError, UpstreamMisbehaved, UpstreamUnavailable
from app.providers.alike import Alike
from app.providers.openai_chat.calls import Calls
from app.providers.sse import Frame

Json = Mapping[str, Any]
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

    def __init__(self, fault: Fault) -> None:
        self.is_done = False
        self._fault = fault
        self._calls = Calls()
        self._alike = Alike()
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
                chunk = orjson.loads(data)
                if event == "error" or chunk.get("error"):
                    raise self._fault(chunk.get("error") or chunk)
                self._read(chunk, data, deltas)
            except (ValueError, AttributeError, TypeError, LookupError) as error:
                raise nonsense() from error

    def _read(self, chunk: Json, data: bytes, deltas: list[Delta]) -> None:
        usage = chunk.get("usage")
        if usage and usage != self._usage:
            self._usage = usage
            deltas.append(used(usage))
        choices = chunk.get("choices")
        if not choices:
            return
        choice = choices[0]
        delta, logprobs = choice.get("delta") or {}, choice.get("logprobs")
        reason = choice.get("finish_reason")
        # MEASURED: nearly every chunk is a word of text and nothing else.
        if len(delta) == 1 and not logprobs and type(delta.get("content")) is str:
            if text := delta["content"]:
                deltas.append(Text(text))
                if not reason:
                    self._alike.show(data, text, _content)
        else:
            said(delta, logprobs, self._calls, deltas)
        if reason:
            if choice.get("error"):
                raise self._fault(choice["error"])
            self._reason = _text(reason)
        if tier := chunk.get("service_tier"):
            self._tier = tier


def _content(chunk: Json) -> object:
    return chunk["choices"][0]["delta"]["content"]


def body_deltas(body: bytes, fault: Fault) -> list[Delta]:
    """Return what a whole answer says, ending with Finished.

    Raises:
        UpstreamMisbehaved: when it is no answer.
        GatewayError: for an error in its place.
    """
    try:
        answer = orjson.loads(body)
        if answer.get("error"):
            raise fault(answer["error"])
        choice = answer["choices"][0]
        if choice.get("error"):
            raise fault(choice["error"])
        message, calls, deltas = choice["message"], Calls(), list[Delta]()
        if message.get("tool_calls"):
            message = _numbered(message)
        said(message, choice.get("logprobs"), calls, deltas)
        if message.get("tool_calls") or message.get("function_call"):
            deltas += calls.end()
        if answer.get("usage"):
            deltas.append(used(answer["usage"]))
        deltas.append(finished(choice.get("finish_reason") or "stop", answer.get("service_tier")))
    except (ValueError, AttributeError, TypeError, LookupError) as error:
        raise nonsense() from error
    return deltas


def said(message: Json, logprobs: Json | None, calls: Calls, deltas: list[Delta]) -> None:
    """Add what a message, or a piece of one, says."""
    if thought := message.get("reasoning_content") or message.get("reasoning"):
        deltas.append(Thought(_text(thought)))
    if content := message.get("content"):
        if isinstance(content, str):
            deltas.append(Text(content, _logprobs(logprobs) if logprobs else ()))
        else:
            _add_parts(content, deltas)
    if refusal := message.get("refusal"):
        deltas.append(Refused(_text(refusal)))
    for annotation in message.get("annotations") or ():
        if told := _citation(annotation):
            deltas.append(Annotated(told))
    if told_calls := message.get("tool_calls"):
        for call in told_calls:
            deltas += calls.hear(call)
    elif function := message.get("function_call"):
        deltas += calls.hear({"index": 0, "function": function})


def used(usage: Json) -> Used:
    """Return a server's token counts; what it does not count is 0."""
    read = usage.get("prompt_tokens_details") or {}
    written = usage.get("completion_tokens_details") or {}
    told = (
        usage.get("prompt_tokens"),
        usage.get("completion_tokens"),
        read.get("cached_tokens") or usage.get("prompt_cache_hit_tokens"),  # DeepSeek's name
        read.get("cache_write_tokens"),
        written.get("reasoning_tokens"),
    )
    return Used(Usage(*[n if isinstance(n, int) and n > 0 else 0 for n in told]))


def finished(reason: object, tier: object) -> Finished:
    """Return why the model stopped.

    Raises:
        UpstreamUnavailable: when it is the server that broke off.
        TypeError: when the reason is no text.
    """
    if not isinstance(reason, str):
        raise TypeError("not a text")
    if reason in _BROKEN:
        raise UpstreamUnavailable("the upstream broke off its answer", work_done=True)
    return Finished(_REASONS.get(reason, "stop"), tier if isinstance(tier, str) else None)


def nonsense() -> UpstreamMisbehaved:
    """Return the error for an answer that cannot be understood."""
    return UpstreamMisbehaved("the upstream sent an answer that cannot be read", work_done=True)


def _numbered(message: Json) -> Json:
    """Give each call of a whole message its index: there, none is a fragment of another."""
    calls = [{**call, "index": i} for i, call in enumerate(message["tool_calls"])]
    return {**message, "tool_calls": calls}


def _add_parts(content: Sequence[Json], deltas: list[Delta]) -> None:
    """Add content that comes as a list of parts, thinking among them (Mistral)."""
    for part in content:
        if part.get("type") == "text":
            deltas.append(Text(_text(part["text"])))
        elif part.get("type") == "thinking":
            for thought in part["thinking"]:
                deltas.append(Thought(_text(thought["text"])))


def _citation(annotation: Json) -> dict[str, Any] | None:
    """Return a web citation flat, as Responses has it; other kinds have no place there."""
    cited = annotation.get("url_citation")
    if annotation.get("type") != "url_citation" or not isinstance(cited, dict):
        return None
    return {
        "type": "url_citation",
        "url": _text(cited.get("url") or ""),
        "title": _text(cited.get("title") or ""),
        "start_index": _count(cited.get("start_index")),
        "end_index": _count(cited.get("end_index")),
    }


def _logprobs(logprobs: Json) -> tuple[dict[str, Any], ...]:
    return tuple(logprobs.get("content") or ())


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0
