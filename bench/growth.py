"""Measures how the CPU time of reading, narrating and accumulating an answer grows with its size.

`python -m bench.growth` prints the CPU seconds of each size and their ratios: twice the size should
take twice the time. It runs without a server, and with the limits lifted. Each format reads tool
calls, one after another and all at once, and text deltas; then the events are accumulated, narrated
again as by a cancel, and read as by polls.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count, pairwise
from typing import cast

import orjson

from app.domain.response import Response
from app.domain.stream.accumulate import fold
from app.domain.stream.deltas import Delta
from app.domain.stream.events import Event
from app.domain.stream.narrate import Narrator
from app.domain.stream.resume import resume
from app.errors import GatewayError, UpstreamUnavailable
from app.providers.anthropic.reader import MessagesReader
from app.providers.openai_chat.reader import ChatReader
from app.providers.openai_responses.reader import ResponsesReader
from app.providers.reading.budget import Bounds, Budget
from app.providers.reading.events import EventReader
from app.providers.reading.pieces import AnswerReader
from app.providers.reading.sse import FrameSplitter
from app.schemas.wire.event_lines import decode, encode
from app.services.background.progress import Progress
from app.store.jobs.base import JobStore, StreamPart

CALLS = (5_000, 10_000, 20_000)
DELTAS = (25_000, 50_000, 100_000)
READ_SIZE = 16 * 1024
#: Maximum ratio for a doubled size that counts as linear: measurements are noisy.
MOST_RATIO = 2.8
RUNS = 3
#: Number of polls while an answer runs.
LOOKS = 20

_LIFTED = Bounds(*(10**12,) * 5)


def _fault(error: object) -> GatewayError:
    return UpstreamUnavailable(str(error))


def _chat(delta: dict[str, object], reason: str | None = None) -> dict[str, object]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}


def _chat_call(index: int, call: dict[str, object]) -> dict[str, object]:
    return _chat({"tool_calls": [{"index": index, **call}]})


def chat_calls(n: int) -> Iterator[object]:
    """Yield n calls, each complete before the next."""
    for i in range(n):
        yield _chat_call(i, {"id": f"call_{i}", "function": {"name": "f", "arguments": ""}})
        yield _chat_call(i, {"function": {"arguments": '{"x": 1}'}})
    yield _chat({}, "tool_calls")


def chat_calls_at_once(n: int) -> Iterator[object]:
    """Yield n calls that are all open at once, in two pieces each, without ids."""
    for piece in ('{"x":', " 1}"):
        for i in range(n):
            yield _chat_call(i, {"function": {"name": "f", "arguments": piece}})
    yield _chat({}, "tool_calls")


def chat_deltas(n: int) -> Iterator[object]:
    """Yield n deltas, all different."""
    for i in range(n):
        yield _chat({"content": f"{i}\n"})
    yield _chat({}, "stop")


def chat_arguments(n: int) -> Iterator[object]:
    """Yield one call in n pieces, while another waits for its end."""
    yield _chat_call(0, {"id": "a", "function": {"name": "f", "arguments": '{"x": ["}"'}})
    yield _chat_call(1, {"id": "b", "function": {"name": "f", "arguments": "{}"}})
    for _ in range(n):
        yield _chat_call(0, {"function": {"arguments": ', "}"'}})
    yield _chat_call(0, {"function": {"arguments": "]}"}})
    yield _chat({}, "tool_calls")


def _block(index: int, block: dict[str, object], *deltas: dict[str, object]) -> Iterator[object]:
    yield {"type": "content_block_start", "index": index, "content_block": block}
    for delta in deltas:
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


def _messages(*, events: Iterator[object]) -> Iterator[object]:
    yield {"type": "message_start", "message": {}}
    yield from events
    yield {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}
    yield {"type": "message_stop"}


def messages_calls(n: int) -> Iterator[object]:
    """Yield n calls, each complete before the next."""
    piece: dict[str, object] = {"type": "input_json_delta", "partial_json": '{"x": 1}'}
    for i in range(n):
        yield from _block(i, {"type": "tool_use", "id": f"t{i}", "name": "f"}, piece)


def messages_deltas(n: int) -> Iterator[object]:
    """Yield one block of n deltas."""
    deltas: Iterator[dict[str, object]] = (
        {"type": "text_delta", "text": f"{i}\n"} for i in range(n)
    )
    yield from _block(0, {"type": "text", "text": ""}, *deltas)


def responses_calls(n: int) -> Iterator[object]:
    """Yield n calls that are all added before any is done."""
    call = {"type": "function_call", "name": "f"}
    added, done = "response.output_item.added", "response.output_item.done"
    for i in range(n):
        item = {**call, "id": f"fc_{i}", "call_id": f"c{i}", "arguments": ""}
        yield {"type": added, "output_index": i, "item": item}
    for i in range(n):
        item = {**call, "id": f"fc_{i}", "call_id": f"c{i}", "arguments": '{"x": 1}'}
        yield {"type": done, "output_index": i, "item": item}
    yield {"type": "response.completed", "response": {"status": "completed"}}


def responses_deltas(n: int) -> Iterator[object]:
    """Yield one text of n deltas."""
    kind = "response.output_text.delta"
    for i in range(n):
        yield {"type": kind, "output_index": 0, "content_index": 0, "delta": f"{i}\n"}
    yield {"type": "response.completed", "response": {"status": "completed"}}


@dataclass(frozen=True, slots=True)
class Case:
    """A stream of several sizes, and its reader."""

    name: str
    sizes: tuple[int, ...]
    events: Callable[[int], Iterator[object]]
    reader: Callable[[], AnswerReader]


def _anthropic() -> AnswerReader:
    return EventReader(MessagesReader(_fault))


def _responses() -> AnswerReader:
    return EventReader(ResponsesReader(_fault))


_chat_reader = partial(ChatReader, _fault)

CASES = [
    Case("chat: calls in turn", CALLS, chat_calls, _chat_reader),
    Case("chat: calls at once", CALLS, chat_calls_at_once, _chat_reader),
    Case("chat: pieces of arguments", DELTAS, chat_arguments, _chat_reader),
    Case("chat: text", DELTAS, chat_deltas, _chat_reader),
    Case("messages: calls", CALLS, lambda n: _messages(events=messages_calls(n)), _anthropic),
    Case("messages: text", DELTAS, lambda n: _messages(events=messages_deltas(n)), _anthropic),
    Case("responses: calls at once", CALLS, responses_calls, _responses),
    Case("responses: text", DELTAS, responses_deltas, _responses),
]


def stream(events: Iterator[object]) -> bytes:
    """Return the bytes of a stream."""
    return b"".join(b"data: %b\n\n" % orjson.dumps(event) for event in events)


def heard(reader: AnswerReader, body: bytes) -> list[Delta]:
    """Return the deltas of a stream that is read in pieces."""
    splitter, budget, deltas = FrameSplitter(), Budget(_LIFTED), list[Delta]()
    for start in range(0, len(body), READ_SIZE):
        new: list[Delta] = []
        piece = body[start : start + READ_SIZE]
        budget.read(len(piece))
        reader.read(splitter.feed(piece), new)
        budget.take(new)
        deltas += new
    reader.end(deltas)
    return deltas


def events_of(deltas: list[Delta]) -> list[Event]:
    """Return the events made from the deltas, a few deltas at a time."""
    ids = count()
    narrator = Narrator(QUEUED, lambda prefix: f"{prefix}_{next(ids)}", lambda: 0)
    events = narrator.begin()
    for start in range(0, len(deltas), 16):
        events += narrator.hear(deltas[start : start + 16])
    return events + narrator.finish()


QUEUED = Response("resp_1", "m", 0, {}, "queued")

#: The steps; each uses the result of the one before.
STEPS = ("read", "tell", "encode", "fold", "retell", "poll")


def seconds(case: Case, n: int) -> dict[str, float]:
    """Return the CPU seconds of each step."""
    body, took, marks = stream(case.events(n)), dict[str, float](), [time.process_time()]

    def mark(step: str) -> None:
        marks.append(time.process_time())
        took[step] = marks[-1] - marks[-2]

    deltas = heard(case.reader(), body)
    mark("read")
    events = events_of(deltas)
    mark("tell")
    lines = [encode(event) for event in events[:-1]]
    mark("encode")
    fold(decode(line) for line in lines)
    mark("fold")
    resume(QUEUED, (decode(line) for line in lines), None, lambda: 0)
    mark("retell")
    progress = Progress(cast(JobStore, _Lines(lines)))
    for _ in range(LOOKS):
        progress.response("resp_1")
    mark("poll")
    return took


class _Lines:
    """A job store whose event stream is longer at each poll."""

    def __init__(self, lines: list[bytes]) -> None:
        self._lines = lines
        self._step = -(-len(lines) // LOOKS)

    def read_events(self, _response_id: str, number: int, _key: object = None) -> StreamPart:
        """Return the new events."""
        return StreamPart(self._lines[number : number + self._step])

    def decode(self, line: bytes) -> Event:
        """Return the event of a line."""
        return decode(line)


def best(case: Case, n: int) -> dict[str, float]:
    """Return each step's minimum over several runs: interference only adds time."""
    runs = [seconds(case, n) for _ in range(RUNS)]
    return {step: min(run[step] for run in runs) for step in STEPS}


def main() -> None:
    """Print the table; fail if a step grows faster than the answer."""
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=__doc__)
    parser.add_argument("--only", default="", help="measure only cases whose names start with this")
    given = parser.parse_args()
    gc.disable()  # a collection traverses all live objects, here everything read
    steep = 0
    sys.stdout.write(f"{'':28}{'step':>8}{'seconds at each size':>30}{'ratios':>14}\n")
    for case in CASES:
        if not case.name.startswith(given.only):
            continue
        seconds(case, case.sizes[0] // 4)  # warm
        by_size = [best(case, n) for n in case.sizes]
        for step in STEPS:
            took = [each[step] for each in by_size]
            ratios = [later / max(earlier, 1e-4) for earlier, later in pairwise(took)]
            steep += ratios[-1] > MOST_RATIO and took[-1] > 0.05
            times, grows = "".join(f"{t:10.3f}" for t in took), "".join(f"{r:7.2f}" for r in ratios)
            sys.stdout.write(f"{case.name:28}{step:>8}{times}{grows}\n")
    if steep:
        sys.exit(f"{steep} steps grow faster than the answer does.")


if __name__ == "__main__":
    main()
