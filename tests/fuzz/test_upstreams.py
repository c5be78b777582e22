"""Whatever an upstream sends in any of the formats, a legal stream is told of it, and it ends."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from app.providers.registry import FORMATS
from app.settings import Api
from tests.contract.recordings import Recording, outcome, play
from tests.fuzz.upstreams import counted, mutated_answers, mutated_streams

MOST_TOKENS = 10**9
THOROUGHLY = settings(
    max_examples=max(60, settings().max_examples // 5),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@THOROUGHLY
@given(mutated_streams())
def test_a_mutated_stream_is_told_legally(recorded: tuple[Recording, list[bytes]]) -> None:
    recording, pieces = recorded
    outcome(play(recording.api, pieces, stream=True))


@THOROUGHLY
@given(mutated_streams())
def test_a_mutated_stream_is_relayed_legally(recorded: tuple[Recording, list[bytes]]) -> None:
    recording, pieces = recorded
    outcome(play(recording.api, pieces, stream=True, relayed=True))


@THOROUGHLY
@given(mutated_answers())
def test_a_mutated_answer_is_told_legally(recorded: tuple[Recording, bytes]) -> None:
    recording, body = recorded
    outcome(play(recording.api, [body], stream=False))


@THOROUGHLY
@given(counted())
def test_counts_at_the_edges_are_counts_within_bounds(
    recorded: tuple[Recording, list[bytes], bool],
) -> None:
    recording, pieces, streamed = recorded
    usage = outcome(play(recording.api, pieces, stream=streamed))["usage"]
    assert all(type(count) is int and 0 <= count <= MOST_TOKENS for count in usage.values()), usage


def calls(api: Api, count: int) -> bytes:
    """Return a stream of so many calls, each in one piece."""
    match api:
        case "chat_completions":
            delta = (
                b'data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":%d,"id":"c%d",'
                b'"type":"function","function":{"name":"f","arguments":"{}"}}]}}]}\n\n'
            )
            end = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}\n\n'
            return b"".join(delta % (n, n) for n in range(count)) + end + b"data: [DONE]\n\n"
        case "anthropic_messages":
            block = (
                b'data: {"type":"content_block_start","index":%d,"content_block":'
                b'{"type":"tool_use","id":"c%d","name":"f","input":{}}}\n\n'
                b'data: {"type":"content_block_stop","index":%d}\n\n'
            )
            begin = b'data: {"type":"message_start","message":{"usage":{"input_tokens":1}}}\n\n'
            end = (
                b'data: {"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{}}\n\n'
                b'data: {"type":"message_stop"}\n\n'
            )
            return begin + b"".join(block % (n, n, n) for n in range(count)) + end
        case _:
            call = (
                b'{"type":"function_call","id":"fc_%d","call_id":"c%d","name":"f","arguments":"{}"}'
            )
            added = (
                b'data: {"type":"response.output_item.added","output_index":%d,"item":%b}\n\n'
                b'data: {"type":"response.output_item.done","output_index":%d,"item":%b}\n\n'
            )
            items = [call % (n, n) for n in range(count)]
            end = (
                b'data: {"type":"response.completed","response":'
                b'{"status":"completed","output":[%b]}}\n\n'
            )
            found = [added % (n, item, n, item) for n, item in enumerate(items)]
            return b"".join(found) + end % b",".join(items)


@pytest.mark.parametrize("api", FORMATS)
@pytest.mark.parametrize("count", [1, 1000, 1024, 1025, 3000])
def test_any_number_of_calls_is_told_or_refused(api: Api, count: int) -> None:
    result = outcome(play(api, [calls(api, count)], stream=True))
    if count <= 1024:
        assert (result["status"], len(result["output"])) == ("completed", count)
    else:
        assert result["status"] == "failed" or len(result["output"]) <= count
