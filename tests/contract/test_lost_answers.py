"""An answer that fails behind output costs what was counted of it, however it was wanted (M1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from decimal import Decimal
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient

from app.factory import create_app
from app.settings import ModelSettings, PriceSettings, ProviderSettings, RedisSettings, Settings
from tests.contract.cases import PROVIDERS, RawUpstream, raw_upstream
from tests.contract.clients import client_of
from tests.contract.test_broken_answers import BEGIN, BOOM, DELTA, FAILED, OVERLOADED, SAID, TEXT
from tests.contract.test_case_faults import HEAD
from tests.contract.test_case_siblings import frames
from tests.contract.works import Works
from tests.samples import Growth

Json = dict[str, Any]

USED = {"prompt_tokens": 9, "completion_tokens": 3}
COUNTED = {"input_tokens": 9, "output_tokens": 3}
WORD = {"choices": [{"index": 0, "delta": {"content": "Hel"}}]}
MESSAGE = {"message": {"role": "assistant", "content": "Hel"}}
ENDED = {"type": "message_delta", "delta": {"stop_reason": "error"}, "usage": COUNTED}

#: What each format sends: words, their counts and a failure, as a stream and as one object.
LOST: dict[str, tuple[str, bytes]] = {
    "chat-stream": ("c", frames(WORD, {"choices": [], "usage": USED}, {"error": BOOM})),
    "chat-by-its-reason": (
        "c",
        frames({"choices": [WORD["choices"][0] | {"finish_reason": "error"}], "usage": USED}),
    ),
    "chat-whole": (
        "c",
        orjson.dumps({"choices": [MESSAGE | {"finish_reason": "error"}], "usage": USED}),
    ),
    "chat-whole-in-the-choice": (
        "c",
        orjson.dumps({"choices": [MESSAGE | {"error": BOOM}], "usage": USED}),
    ),
    "messages-stream": ("a", frames(BEGIN, TEXT, ENDED, {"type": "message_stop"})),
    "messages-error": (
        "a",
        frames(
            BEGIN | {"message": {"usage": COUNTED}}, TEXT, {"type": "error", "error": OVERLOADED}
        ),
    ),
    "messages-whole": (
        "a",
        orjson.dumps(
            {"content": [{"type": "text", "text": "Hel"}], "stop_reason": "error", "usage": COUNTED}
        ),
    ),
    "responses-stream": (
        "r",
        frames(DELTA, {"type": "response.failed", "response": FAILED | {"usage": COUNTED}}),
    ),
    "responses-at-the-end": (
        "r",
        frames(
            {"type": "response.failed", "response": FAILED | {"output": [SAID], "usage": COUNTED}}
        ),
    ),
    "responses-whole": ("r", orjson.dumps(FAILED | {"output": [SAID], "usage": COUNTED})),
    "responses-cancelled": (
        "r",
        orjson.dumps({"status": "cancelled", "output": [SAID], "usage": COUNTED}),
    ),
}
DONE = {"choices": [WORD["choices"][0] | {"finish_reason": "stop"}], "usage": USED}
STOPPED = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": COUNTED}
COUNTED_BEGIN = BEGIN | {"message": {"usage": COUNTED}}
COMPLETED = {"status": "completed", "output": [SAID], "usage": COUNTED}
#: Streams that break off: behind words, and behind their last event, which makes them complete.
BROKEN: dict[str, tuple[str, bytes, bytes]] = {
    "chat": ("c", frames(WORD) + b"data: {", frames(DONE)),
    "messages": (
        "a",
        frames(COUNTED_BEGIN, TEXT) + b"event: content_bl",
        frames(COUNTED_BEGIN, TEXT, STOPPED, {"type": "message_stop"}),
    ),
    "responses": (
        "r",
        frames(DELTA) + b"data",
        frames(DELTA, {"type": "response.completed", "response": COMPLETED}),
    ),
}
#: Nobody has counted what these say.
UNCOUNTED: dict[str, tuple[str, bytes]] = {
    "chat": ("c", frames(WORD)),
    "messages": ("a", frames({"type": "message_start", "message": {}}, TEXT)),
    "responses": ("r", frames(DELTA)),
}
FORMS = {"whole": {}, "stream": {"stream": True}, "background": {"background": True}}


@pytest.fixture(scope="module")
def upstream() -> Iterator[RawUpstream]:
    with raw_upstream() as upstream:
        yield upstream


@pytest.fixture
def settings(upstream: RawUpstream, redis_url: str) -> Settings:
    """Return a gateway's settings: a model of each format at a price, and two that fall back."""
    base_url, price = f"http://127.0.0.1:{upstream.port}/v1", PriceSettings
    ours = price(input=Decimal(1), output=Decimal(10))
    models = [ModelSettings(id=each, provider=each, price=ours) for each in PROVIDERS]
    return Settings(
        providers=(
            *(ProviderSettings(name=name, api=api, base_url=base_url)
              for name, api in PROVIDERS.items()),
            ProviderSettings(name="local", api="local"),
        ),
        models=(
            *models,
            ModelSettings(id="safe", provider="c", fallbacks=("local/echo",), price=ours),
            ModelSettings(id="twice", provider="c", fallbacks=("dear",), price=ours),
            ModelSettings(
                id="dear", provider="c", price=price(input=Decimal(100), output=Decimal(1000))
            ),
        ),
        redis=RedisSettings(url=redis_url, prefix="lost:"),
        log_level="CRITICAL",
    )  # fmt: skip


@pytest.fixture
def client(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """A caller of that gateway."""
    monkeypatch.setattr("app.services.upstreams.retries.FIRST_DELAY_S", 0)
    monkeypatch.setattr("app.factory.core.USAGE_DELAY_S", 0)
    return client_of(create_app(settings))


@pytest.fixture
def bill(
    client: FlaskClient, settings: Settings, upstream: RawUpstream, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Sequence[bytes], Json], Json]]:
    """Have a request be answered with these, and return what it added to the account's use."""
    with closing(Works(settings, monkeypatch)) as works:
        yield lambda answers, body: _billed(client, works, upstream, answers, body)


def _billed(
    client: FlaskClient, works: Works, upstream: RawUpstream, answers: Sequence[bytes], body: Json
) -> Json:
    heads = (b"" if each.startswith(b"HTTP/") else HEAD for each in answers)
    upstream.play(tuple(map(bytes.__add__, heads, answers)), None)
    before = client.get("/v1/usage").get_json()["total"]
    answer = client.post("/v1/responses", json={"input": "Hello"} | body)
    answer.get_data()
    if answer.status_code == 202:
        works.work()
    after = client.get("/v1/usage").get_json()["total"]
    return {name: after[name] - before[name] for name in _bill((0, 0), 0)}


def _bill(tokens: tuple[int, int], microusd: int, unpriced: int = 0) -> Json:
    return {
        "requests": 1,
        "errors": 1,
        "input_tokens": tokens[0],
        "output_tokens": tokens[1],
        "cost_microusd": microusd,
        "unpriced_requests": unpriced,
    }


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", LOST)
def test_it_costs_what_was_counted(
    name: str, form: str, bill: Callable[[Sequence[bytes], Json], Json], upstream: RawUpstream
) -> None:
    provider, answer_body = LOST[name]
    growth = Growth("gateway_tokens_total")
    assert bill([answer_body], {"model": provider} | FORMS[form]) == _bill((9, 3), 39)
    tokens = {"provider": provider, "model": provider}
    assert growth.of("gateway_tokens_total", **tokens, kind="input") == 9
    assert len(upstream.sent) == 1  # what was paid for is not bought again


def broken(answer_body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n" + answer_body


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", BROKEN)
def test_what_came_of_a_stream_counts_if_its_connection_breaks(
    name: str, form: str, bill: Callable[[Sequence[bytes], Json], Json], upstream: RawUpstream
) -> None:
    provider, words, complete = BROKEN[name]
    body = {"model": provider} | FORMS[form]
    counted = _bill((9, 3), 39) if name == "messages" else _bill((0, 0), 0, unpriced=1)
    assert bill([broken(complete)], body) == _bill((9, 3), 39) | {"errors": 0}
    assert bill([broken(words)], body) == counted
    assert len(upstream.sent) == 1


def test_what_came_of_a_whole_answer_does_not_if_its_connection_breaks(
    bill: Callable[[Sequence[bytes], Json], Json],
) -> None:
    _, answer_body = LOST["chat-whole"]
    assert bill([broken(answer_body[:-3])], {"model": "c"}) == _bill((0, 0), 0)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", UNCOUNTED)
def test_the_cost_of_what_nobody_counted_is_not_known(
    name: str, form: str, bill: Callable[[Sequence[bytes], Json], Json]
) -> None:
    provider, answer_body = UNCOUNTED[name]
    assert bill([answer_body], {"model": provider} | FORMS[form]) == _bill((0, 0), 0, unpriced=1)


def summarized(text: Json) -> bytes:
    return orjson.dumps(text | {"choices": [MESSAGE | {"finish_reason": "stop"}]})


SUMMARY = summarized({"usage": USED})
_HISTORY = [{"role": each, "content": "word " * 2000} for each in ("user", "assistant")]
#: A request that is compacted before it is answered.
COMPACTED = {
    "model": "c",
    "input": [*_HISTORY, {"role": "user", "content": "Hello"}],
    "context_management": [{"type": "compaction", "compact_threshold": 1000}],
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["chat-whole", "chat-stream"])
def test_it_costs_that_beside_the_compaction_before_it(
    name: str, form: str, bill: Callable[[Sequence[bytes], Json], Json]
) -> None:
    assert bill([SUMMARY, LOST[name][1]], COMPACTED | FORMS[form]) == _bill((18, 6), 78)


@pytest.mark.parametrize("form", FORMS)
def test_each_that_is_lost_behind_a_compaction_costs_its_own_price(
    form: str, bill: Callable[[Sequence[bytes], Json], Json]
) -> None:
    lost, body = LOST["chat-whole"][1], COMPACTED | FORMS[form] | {"model": "twice"}
    assert bill([SUMMARY, lost, lost], body) == _bill((27, 9), 39 + 39 + 3900)


def test_it_costs_that_behind_a_compaction_whichever_failure_is_raised(
    bill: Callable[[Sequence[bytes], Json], Json],
) -> None:
    # The caller gets the first target's failure, which came without output.
    refused, lost = orjson.dumps({"error": BOOM}), LOST["chat-whole"][1]
    answers = [SUMMARY, refused, refused, refused, lost]
    assert bill(answers, COMPACTED | {"model": "twice"}) == _bill((18, 6), 39 + 3900)


def test_what_was_lost_before_a_fallback_wrote_the_summary_costs_nothing(
    bill: Callable[[Sequence[bytes], Json], Json],
) -> None:
    lost, body = LOST["chat-whole"][1], COMPACTED | {"model": "twice"}
    assert bill([lost, SUMMARY, lost, lost], body) == _bill((27, 9), 3900 + 39 + 3900)


@pytest.mark.parametrize("form", FORMS)
def test_the_cost_is_not_known_if_nobody_has_counted_what_came_behind_a_compaction(
    form: str, bill: Callable[[Sequence[bytes], Json], Json]
) -> None:
    billed = bill([SUMMARY, UNCOUNTED["chat"][1]], COMPACTED | FORMS[form])
    assert billed == _bill((9, 3), 0, unpriced=1)


@pytest.mark.parametrize(
    ("answers", "tokens"),
    [((SUMMARY, summarized({})), (9, 3)), ((summarized({}), SUMMARY), (9, 3))],
    ids=["the answer", "the summary"],
)
def test_nor_if_half_of_an_answer_is_not_counted(
    answers: Sequence[bytes],
    tokens: tuple[int, int],
    bill: Callable[[Sequence[bytes], Json], Json],
) -> None:
    assert bill(answers, COMPACTED) == _bill(tokens, 0, unpriced=1) | {"errors": 0}


def test_a_compaction_costs_its_own_price_if_nothing_is_lost_behind_it(
    bill: Callable[[Sequence[bytes], Json], Json],
) -> None:
    refused = orjson.dumps({"error": BOOM})
    assert bill([SUMMARY, *[refused] * 3], COMPACTED) == _bill((9, 3), 39)


def test_what_a_fallback_answered_costs_what_that_took(
    bill: Callable[[Sequence[bytes], Json], Json],
) -> None:
    _, answer_body = LOST["chat-whole"]
    billed = bill([answer_body], {"model": "safe"})
    assert (billed["errors"], billed["cost_microusd"]) == (0, 0)


def test_what_several_have_lost_costs_what_each_took_at_its_price(
    bill: Callable[[Sequence[bytes], Json], Json], upstream: RawUpstream
) -> None:
    _, answer_body = LOST["chat-whole"]
    assert bill([answer_body], {"model": "twice"}) == _bill((18, 6), 39 + 3900)
    assert len(upstream.sent) == 2


def test_the_key_of_such_a_request_is_free_again(
    client: FlaskClient, upstream: RawUpstream
) -> None:
    """It has made no response (C3), which a client may ask for again where it means to."""
    _, answer_body = LOST["chat-whole"]
    upstream.play((HEAD + answer_body, HEAD + orjson.dumps({"choices": [MESSAGE]})), None)
    headers, body = {"Idempotency-Key": "once"}, {"model": "c", "input": "Hello"}
    first, again = (client.post("/v1/responses", json=body, headers=headers) for _ in range(2))
    assert (first.status_code, first.headers["x-should-retry"]) == (503, "false")
    assert (again.status_code, again.get_json()["output_text"]) == (200, "Hel")
