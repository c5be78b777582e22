"""A whole answer that fails behind words of the model is not bought again (U1, U5, U17)."""

from __future__ import annotations

import orjson
import pytest

from app.errors import GatewayError
from app.providers.registry import FORMATS
from app.settings import Api
from tests.contract.recordings import play

SAID = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hel"}]}
FAILED = {"status": "failed", "error": {"code": "server_error", "message": "boom"}}
OVERLOADED = {"type": "overloaded_error", "message": "boom"}
BOOM = {"code": 502, "message": "boom"}


def chat(text: str | None, **choice: object) -> bytes:
    message = {"role": "assistant", "content": text}
    return orjson.dumps({"choices": [{"index": 0, "message": message} | choice]})


def message(text: str) -> bytes:
    content = [{"type": "text", "text": text}] if text else []
    return orjson.dumps({"type": "message", "content": content, "stop_reason": "error"})


def frames(*events: object) -> bytes:
    return b"".join(b"data: %b\n\n" % orjson.dumps(event) for event in events)


WORD = {"choices": [{"index": 0, "delta": {"content": "Hel"}}]}
BREAK = {"choices": [{"index": 0, "delta": {}, "finish_reason": "network_error"}]}
BEGIN = {"type": "message_start", "message": {"content": [], "usage": {"input_tokens": 1}}}
TEXT = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "Hel"}}
DELTA = {"type": "response.output_text.delta", "output_index": 0, "delta": "Hel"}
#: The answers: by format, with words and without.
ANSWERS: list[tuple[Api, bytes, bytes]] = [
    (
        "chat_completions",
        chat("Hel", finish_reason="network_error"),
        chat(None, finish_reason="network_error"),
    ),
    ("chat_completions", chat("Hel", error=BOOM), chat("", error=BOOM)),
    ("chat_completions", frames(WORD, BREAK), frames(BREAK)),
    ("chat_completions", frames(WORD, {"error": BOOM}), frames({"error": BOOM})),
    ("responses", orjson.dumps(FAILED | {"output": [SAID]}), orjson.dumps(FAILED | {"output": []})),
    (
        "responses",
        frames(DELTA, {"type": "response.failed", "response": FAILED}),
        frames({"type": "response.failed", "response": FAILED}),
    ),
    ("anthropic_messages", message("Hel"), message("")),
    (
        "anthropic_messages",
        frames(BEGIN, TEXT, {"type": "error", "error": OVERLOADED}),
        frames(BEGIN, {"type": "error", "error": OVERLOADED}),
    ),
]


@pytest.mark.parametrize("whole", [True, False])  # whether the server is asked for it whole
@pytest.mark.parametrize(("api", "said", "silent"), ANSWERS)
def test_it_is_work_that_was_done(api: Api, said: bytes, silent: bytes, whole: bool) -> None:
    assert api in FORMATS
    assert failure(api, said, whole).work_done
    assert not failure(api, silent, whole).work_done


def failure(api: Api, body: bytes, whole: bool) -> GatewayError:
    found = play(api, [body], stream=False, whole=whole).failure
    assert found is not None
    return found
