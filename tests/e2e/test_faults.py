"""The fault table: every fault, in every format, whole and streamed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product

import pytest
import requests

from tests.e2e.config import APIS
from tests.e2e.faults import FAULTS, SAID, STREAM_FAULTS, UPSTREAM_KEY, Fault
from tests.e2e.gateway import Gateway
from tests.e2e.wire import Stream, raw_post, stream_of
from tests.upstream.client import Upstream
from tests.upstream.script import DEFAULT

ASKED = [
    (api, fault, stream)
    for api, fault, stream in product(APIS, FAULTS, [False, True])
    if fault.streams or not stream
]
STREAMED = list(product(APIS, STREAM_FAULTS))


def named(api: str, fault: str, stream: bool) -> str:
    """Return the name of a question, which the upstream sees as the model that is asked for."""
    return f"{api}-{fault}-{'stream' if stream else 'whole'}"


@pytest.fixture(scope="module")
def answers(gevent_gateway: Gateway) -> dict[str, requests.Response]:
    """The answer to every fault before the first word, by name.

    All are asked at once, since most of each is waiting.
    """

    def ask(api: str, fault: Fault, stream: bool) -> tuple[str, requests.Response]:
        name = named(api, fault.name, stream)
        script = "hello" if fault.script == DEFAULT else fault.script.text()
        body = {"model": f"{api}-{fault.name}/{name}", "input": script, "stream": stream}
        return name, gevent_gateway.call("POST", "/v1/responses", body)

    with ThreadPoolExecutor(24) as pool:
        return dict(pool.map(ask, *zip(*ASKED, strict=True)))


@pytest.fixture(scope="module")
def streams(gevent_gateway: Gateway, upstream: Upstream) -> dict[str, Stream]:
    """The stream of every fault after the first word, by format and fault.

    The upstream is released into the fault when the first word has arrived here.
    """

    def ask(api: str, fault: str) -> tuple[str, Stream]:
        name = f"{api}-{fault}"
        script = replace(STREAM_FAULTS[fault], stall_after=1, tag=name)
        body = {"model": f"{api}-stream-{fault}/m", "input": script.text(), "stream": True}
        with raw_post(gevent_gateway.url, gevent_gateway.keys.own, body) as call:
            call.event("response.output_text.delta")
            if fault != "silent":
                upstream.release(name)
            return name, stream_of(call.body())

    with ThreadPoolExecutor(24) as pool:
        return dict(pool.map(ask, *zip(*STREAMED, strict=True)))


@pytest.mark.parametrize(
    ("api", "fault", "stream"), ASKED, ids=lambda given: getattr(given, "name", str(given))
)
def test_a_fault_before_the_first_word_is_a_plain_error(
    answers: dict[str, requests.Response], api: str, fault: Fault, stream: bool
) -> None:
    answer, seen = answers[named(api, fault.name, stream)], fault.seen
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["code"]) == (seen.status, seen.type, seen.code)
    assert seen.headers.items() <= dict(answer.headers).items()


@pytest.mark.parametrize(
    ("api", "fault", "stream"), ASKED, ids=lambda given: getattr(given, "name", str(given))
)
def test_a_fault_is_tried_again_only_where_that_can_help(
    answers: dict[str, requests.Response], upstream: Upstream, api: str, fault: Fault, stream: bool
) -> None:
    name = named(api, fault.name, stream)
    assert name in answers
    tried = [seen for seen in upstream.requests() if seen["model"] == name]
    assert len(tried) == (fault.seen.attempts or 0)


@pytest.mark.parametrize(("api", "fault"), STREAMED)
def test_a_fault_after_the_first_word_is_told_by_the_stream(
    streams: dict[str, Stream], api: str, fault: str
) -> None:
    assert streams[f"{api}-{fault}"].types[-2:] == ["error", "response.failed"]


@pytest.mark.parametrize(("api", "fault"), STREAMED)
def test_a_failed_stream_keeps_what_was_said(
    streams: dict[str, Stream], gevent_gateway: Gateway, api: str, fault: str
) -> None:
    shown = streams[f"{api}-{fault}"].response
    assert shown["status"] == "failed"
    assert shown["output_text"] in ("Grüße ", "Grüße und ", "".join(SAID))
    assert gevent_gateway.get(shown["id"]).json() == shown


@pytest.mark.parametrize(("api", "fault"), STREAMED)
def test_a_stream_that_has_begun_is_never_begun_again(
    streams: dict[str, Stream], upstream: Upstream, api: str, fault: str
) -> None:
    assert f"{api}-{fault}" in streams
    assert len(upstream.requests(f"{api}-{fault}")) == 1


@pytest.mark.parametrize("api", APIS)
def test_words_that_come_together_with_the_fault_are_not_lost(gateway: Gateway, api: str) -> None:
    stream = gateway.stream(STREAM_FAULTS["error"].text(), model=f"{api}/m")
    assert (stream.last["type"], stream.response["output_text"]) == ("response.failed", SAID[0])


def test_no_error_repeats_the_upstreams_credential(answers: dict[str, requests.Response]) -> None:
    assert [name for name, answer in answers.items() if UPSTREAM_KEY in answer.text] == []


def test_the_upstreams_words_about_a_bad_request_are_passed_on(
    answers: dict[str, requests.Response],
) -> None:
    error = answers["chat-status-400-whole"].json()["error"]
    assert error["message"].startswith("no luck with")


class TestFallbacks:
    """What another model can still answer is answered."""

    @pytest.mark.parametrize(
        ("model", "provider"), [("falls-back", "anthropic"), ("falls-twice", "responses")]
    )
    @pytest.mark.parametrize("stream", [False, True])
    def test_a_broken_model_falls_back(
        self, gateway: Gateway, model: str, provider: str, stream: bool
    ) -> None:
        body = {"model": model, "input": "hello", "stream": stream}
        answer = gateway.call("POST", "/v1/responses", body)
        assert (answer.status_code, answer.headers["X-Gateway-Provider"]) == (200, provider)
        shown = stream_of(answer.content).response if stream else answer.json()
        assert (shown["model"], shown["output_text"]) == (model, "Turn 1 said: hello")
