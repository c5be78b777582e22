"""What real providers were seen to send comes of it what must, however the packets cut it."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.domain.stream.accumulate import fold
from app.factory import create_app
from app.providers.reading.sse import Frame, FrameSplitter
from app.services.upstreams import retries
from app.settings import ProviderSettings, RedisSettings, Settings
from tests.contract.cases import (
    PROVIDERS,
    Case,
    Conversation,
    RawUpstream,
    cases,
    outcome,
    pairs,
    raw_upstream,
)
from tests.contract.clients import client_of
from tests.contract.recordings import play

CASES = list(cases())
#: Those of one answer that begin with a 200.
STREAMS = [
    each
    for each in CASES
    if each.form == "stream" and len(each.raws) == 1 and b" 200 " in each.raws[0][:15]
]
PACKETS = (1, 2, 7, 64, None)


@pytest.fixture(scope="module")
def upstream() -> Iterator[RawUpstream]:
    with raw_upstream() as upstream:
        yield upstream


@pytest.fixture
def client(upstream: RawUpstream, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """A caller of a gateway, with breakers of its own, whose providers all are `upstream`."""
    monkeypatch.setattr(retries, "FIRST_DELAY_S", 0.0)
    base_url = f"http://127.0.0.1:{upstream.port}/v1"
    app = create_app(
        Settings(
            providers=tuple(
                ProviderSettings(name=name, api=api, base_url=base_url)
                for name, api in PROVIDERS.items()
            ),
            redis=RedisSettings(url=redis_url, prefix="cases:"),
            log_level="CRITICAL",
        )
    )
    return client_of(app, "cases")


def _matches(shown: Any, expected: Any) -> bool:
    """Tell whether an outcome is the expected one; an expected text is a pattern."""
    if isinstance(expected, dict):
        return shown.keys() == expected.keys() and all(
            _matches(shown[name], value) for name, value in expected.items()
        )
    if isinstance(expected, str):
        return fnmatchcase(str(shown), expected)
    return bool(shown == expected)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)
def test_a_case_comes_to_what_it_must(
    case: Case, client: FlaskClient, upstream: RawUpstream
) -> None:
    for packet in PACKETS:
        upstream.play(case.raws, packet)
        conversation = Conversation()
        *earlier, last = case.requests
        for request in earlier:
            answer = client.post("/v1/responses", json=conversation.filled(request))
            conversation.take(answer.get_data(), answer.content_type)
        answer = client.post("/v1/responses", json=conversation.filled(last))
        shown = outcome(answer.status_code, answer.get_data(), answer.content_type)
        assert _matches(shown, case.expected), (packet, shown, case.expected)
        assert case.sent is None or pairs(upstream.sent[-1]) == case.sent


@pytest.mark.parametrize("case", STREAMS, ids=lambda case: case.label)
def test_a_stream_has_the_same_frames_wherever_two_reads_cut_it(case: Case) -> None:
    body = _body(case)
    at_once = _frames(body)
    for cut in range(1, len(body)):
        assert _frames(body[:cut], body[cut:]) == at_once, cut


@pytest.mark.parametrize("case", STREAMS, ids=lambda case: case.label)
def test_a_stream_comes_to_the_same_where_two_reads_cut_it(case: Case) -> None:
    api, body = PROVIDERS[case.requests[0]["model"][0]], _body(case)
    at_once = play(api, [body], stream=True)
    for cut in range(1, len(body), 17):
        parted = play(api, [body[:cut], body[cut:]], stream=True)
        assert fold(parted.events) == fold(at_once.events), cut
        assert type(parted.failure) is type(at_once.failure), cut


def _body(case: Case) -> bytes:
    return case.raws[0].partition(b"\r\n\r\n")[2]


def _frames(*pieces: bytes) -> list[Frame]:
    splitter = FrameSplitter()
    return [frame for piece in pieces for frame in splitter.feed(piece)] + splitter.end()
