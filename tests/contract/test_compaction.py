"""Conversations that are compacted, and go on: whole, streamed, in the background, on every format.

Each upstream is the test bed's, which refuses what a strict server of its format refuses.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient
from openresponses_types.types import CompactResource

from app.api import context
from app.factory import create_app
from app.settings import Api, ProviderSettings, RedisSettings, Settings
from app.stream_check.checker import check_stream
from tests.contract.clients import client_of
from tests.contract.works import Works
from tests.samples import Growth
from tests.upstream import client as upstreams
from tests.upstream.client import Upstream
from tests.upstream.script import Call, Counted, Script

Json = dict[str, Any]
APIS: dict[str, Api] = {
    "chat": "chat_completions",
    "responses": "responses",
    "anthropic": "anthropic_messages",
}
WAYS = ("whole", "streamed", "background")
COMPACT = "/v1/responses/compact"
TRIGGER = {"type": "compaction_trigger"}
RULE = {"role": "developer", "content": "Rule: speak plainly."}
CITY = {"role": "user", "content": "My city is Oslo."}
NOTED = {"role": "assistant", "content": "That was noted at length."}
NEXT = {"role": "user", "content": "What now?"}
SUMMARY = "SUMMARY: the city is Oslo."
TOOL = {"type": "function", "name": "look_up", "parameters": {"type": "object"}}
CALL = {"type": "function_call", "call_id": "call_1", "name": "look_up", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": "It rains there."}
PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
PICTURE = {"role": "user", "content": [{"type": "input_image", "image_url": PIXEL}]}

every_format = pytest.mark.parametrize("provider", APIS)
every_way = pytest.mark.parametrize("way", WAYS)


@dataclass(frozen=True)
class Bench:
    """A gateway in this process, its worker, and the caller of one account."""

    client: FlaskClient
    stranger: FlaskClient
    works: Works
    upstream: Upstream

    def ask(self, way: str, given: Any, **body: Any) -> Json:
        """Return the response to a request, whichever way it is made."""
        body |= {"input": given}
        match way:
            case "whole":
                answer = self.client.post("/v1/responses", json=body)
            case "streamed":
                answer = self.client.post("/v1/responses", json=body | {"stream": True})
                assert answer.status_code == 200, answer.get_data()
                return last_of(self.checked(answer.get_data()))
            case _:
                queued = self.client.post("/v1/responses", json=body | {"background": True})
                assert queued.status_code == 202, queued.get_data()
                self.works.work()
                path = f"/v1/responses/{queued.get_json()['id']}"
                self.checked(self.client.get(f"{path}?stream=true").get_data())
                answer = self.client.get(path)
        assert answer.status_code == 200, answer.get_data()
        shown: Json = answer.get_json()
        return shown

    def checked(self, stream: bytes) -> list[Json]:
        """Return the events of a stream, which has to keep to the contract."""
        check_stream(stream.splitlines(keepends=True))
        return events_of(stream)

    def compact(self, **body: Any) -> Json:
        """Return what the endpoint makes of a conversation."""
        answer = self.client.post(COMPACT, json=body)
        assert answer.status_code == 200, answer.get_data()
        shown: Json = answer.get_json()
        CompactResource.model_validate(shown)
        return shown

    def refusal(self, body: Json, path: str = "/v1/responses") -> tuple[int, Any, Any]:
        """Return the status of a refused request, its code and the path that it names."""
        answer = self.client.post(path, json=body)
        error = answer.get_json()["error"]
        return answer.status_code, error["code"], error["param"]

    def sent(self, tag: str) -> list[str]:
        """Return the bodies that upstreams were sent, as text."""
        return [orjson.dumps(each["body"]).decode() for each in self.upstream.requests(tag)]


def events_of(stream: bytes) -> list[Json]:
    lines = [line.removeprefix(b"data: ") for line in stream.splitlines() if line[:5] == b"data:"]
    return [orjson.loads(line) for line in lines if line != b"[DONE]"]


def last_of(events: list[Json]) -> Json:
    response: Json = events[-1]["response"]
    return response


def model(provider: str, tag: str, say: str | None = SUMMARY, **more: Any) -> str:
    return f"{provider}/{Script(tag=tag, say=say, **more).text()}"


def kinds(response: Json) -> list[str]:
    return [item["type"] for item in response["output"]]


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with upstreams.running() as upstream:
        yield upstream


@pytest.fixture
def bench(upstream: Upstream, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    base_url = f"{upstream.places.url}/v1"
    settings = Settings(
        providers=tuple(
            ProviderSettings(name=name, api=api, base_url=base_url) for name, api in APIS.items()
        ),
        redis=RedisSettings(url=redis_url, prefix="compaction:"),
        log_level="CRITICAL",
    )
    upstream.reset()
    app = create_app(settings)
    client, stranger = (client_of(app, account) for account in ("acme", "rival"))
    with closing(Works(settings, monkeypatch)) as works:
        yield Bench(client, stranger, works, upstream)
    with app.app_context():
        context.services().meter.book.flush()


@every_way
@every_format
def test_a_trigger_is_answered_by_one_compaction_and_the_chain_goes_on_from_it(
    bench: Bench, provider: str, way: str
) -> None:
    tag = f"trigger {provider} {way}"
    first = bench.ask(way, [RULE, CITY], model=model(provider, tag, "That was noted at length."))
    parent = {"previous_response_id": first["id"]}
    second = bench.ask(way, [TRIGGER], model=model(provider, tag), **parent)
    (item,) = second["output"]
    assert (item["type"], item["id"][:4], second["status"]) == ("compaction", "cmp_", "completed")
    assert "Oslo" not in item["encrypted_content"]
    assert (second["usage"]["input_tokens"], second["usage"]["output_tokens"]) == (11, 7)
    assert bench.client.get(f"/v1/responses/{second['id']}").get_json() == second

    bench.ask(way, [NEXT], model=model(provider, tag, "Go."), previous_response_id=second["id"])
    *_, summing_up, after = bench.sent(tag)
    assert "That was noted at length." in summing_up
    assert SUMMARY in after
    assert "What now?" in after
    assert "speak plainly" in after
    assert "My city is Oslo." not in after
    assert "That was noted" not in after


@every_format
def test_a_stream_says_that_it_compacts(bench: Bench, provider: str) -> None:
    body = {"model": model(provider, "stream"), "input": [CITY, NOTED, TRIGGER], "stream": True}
    events = bench.checked(bench.client.post("/v1/responses", json=body).get_data())
    assert [event["type"] for event in events] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.compaction.compacting",
        "response.output_item.done",
        "response.completed",
    ]
    item = events[4]["item"]
    assert events[3] == {
        "type": "response.compaction.compacting",
        "sequence_number": 3,
        "item_id": item["id"],
        "output_index": 0,
    }


@every_format
def test_any_format_goes_on_from_a_compaction_that_its_client_keeps(
    bench: Bench, provider: str
) -> None:
    """As Codex does it: the client keeps the user's messages, and puts the item behind them."""
    (item,) = bench.ask(
        "streamed", [CITY, NOTED, TRIGGER], model=model("chat", "kept"), store=False
    )["output"]
    tag = f"kept {provider}"
    window = [RULE, CITY, {"type": "compaction", "encrypted_content": item["encrypted_content"]}]
    answer = bench.ask("whole", [*window, NEXT], model=model(provider, tag, "Go."))
    (after,) = bench.sent(tag)
    assert after.index("My city is Oslo.") < after.index(SUMMARY) < after.index("What now?")
    listed = bench.client.get(f"/v1/responses/{answer['id']}/input_items?order=asc").get_json()
    assert [each["type"] for each in listed["data"]] == [
        "message",
        "message",
        "compaction",
        "message",
    ]
    assert listed["data"][2]["encrypted_content"] == item["encrypted_content"]
    later = {"previous_response_id": answer["id"], "model": model(provider, tag, "Go.")}
    bench.ask("background", [NEXT], **later)
    assert bench.sent(tag)[-1].count("My city is Oslo.") == 1


@every_way
@every_format
def test_past_a_threshold_an_answer_begins_with_a_compaction(
    bench: Bench, provider: str, way: str
) -> None:
    tag = f"threshold {provider} {way}"
    rule = {"context_management": [{"type": "compaction", "compact_threshold": 1000}]}
    long = {"role": "assistant", "content": "Blah. " * 1000}
    short = bench.ask(way, [CITY, NOTED, NEXT], model=model(provider, tag, "Go."), **rule)
    assert kinds(short) == ["message"]
    second = bench.ask(way, [RULE, CITY, long, NEXT], model=model(provider, tag), **rule)
    assert kinds(second) == ["compaction", "message"]
    assert second["usage"]["total_tokens"] == 2 * (11 + 7)
    _, summing_up, after = bench.sent(tag)
    assert "Blah." in summing_up
    assert "My city is Oslo." in summing_up
    assert after.index(SUMMARY) < after.index("What now?")
    assert "Blah." not in after
    assert "My city" not in after
    assert "speak plainly" in after

    # The next turn begins where this one did, whoever has kept it; it is not long any more.
    more = {"model": model(provider, tag, "Go."), **rule}
    third = bench.ask(way, [NEXT], previous_response_id=second["id"], **more)
    fourth = bench.ask(way, [RULE, CITY, long, NEXT, *second["output"], NEXT], **more)
    assert kinds(third) == kinds(fourth) == ["message"]
    for later in bench.sent(tag)[-2:]:
        assert SUMMARY in later
        assert "Blah." not in later
        assert "My city" not in later
        assert later.count("What now?") == 1


@every_format
def test_calls_that_were_answered_stay_together_past_a_threshold(
    bench: Bench, provider: str
) -> None:
    tag = f"calls {provider}"
    long = {"role": "assistant", "content": "Blah. " * 1000}
    rule = {"context_management": [{"type": "compaction", "compact_threshold": 1000}]}
    given = [CITY, long, NEXT, CALL, OUTPUT]
    answer = bench.ask("whole", given, model=model(provider, tag), tools=[TOOL], **rule)
    assert kinds(answer) == ["compaction", "message"]
    summing_up, after = bench.sent(tag)
    for sent in (summing_up, after):
        assert "It rains there." in sent
        assert sent.count("call_1") == 2
    assert "What now?" not in after


@every_format
def test_a_window_with_tools_and_pictures_is_compacted(bench: Bench, provider: str) -> None:
    given = [PICTURE, CITY, CALL, OUTPUT, NOTED]
    tag = f"window {provider}"
    compacted = bench.compact(
        model=model(provider, tag, calls=(Call(name="look_up"),)),
        input=given,
        instructions="Mind the units.",
        tools=[TOOL],
    )
    assert compacted["object"] == "response.compaction"
    assert [each["type"] for each in compacted["output"]] == ["message", "message", "compaction"]
    assert [each["role"] for each in compacted["output"][:2]] == ["user", "user"]
    (sent,) = bench.sent(tag)
    assert "Mind the units." in sent
    assert "It rains there." in sent


@every_format
def test_what_the_endpoint_returns_is_the_next_window(bench: Bench, provider: str) -> None:
    tag = f"endpoint {provider}"
    first = bench.ask("whole", [RULE, CITY], model=model(provider, tag, "Noted at length."))
    compacted = bench.compact(
        model=model(provider, tag), previous_response_id=first["id"], input=[NEXT]
    )
    assert [each.get("role") for each in compacted["output"]] == ["user", "user", None]
    assert compacted["usage"]["total_tokens"] == 11 + 7
    window = [*compacted["output"], NEXT]
    answer = bench.ask("whole", window, model=model(provider, tag, "Go."))
    again = bench.compact(
        model=model(provider, tag, "SUMMARY 2"), previous_response_id=answer["id"]
    )
    assert [each["type"] for each in again["output"]] == ["message"] * 3 + ["compaction"]
    bench.ask("whole", [*again["output"], NEXT], model=model(provider, tag, "Go."))
    *_, after, _, last = bench.sent(tag)
    assert "Noted at length." not in after
    assert [text in after for text in ("My city is Oslo.", SUMMARY, "speak plainly")] == [True] * 3
    # The second compaction stands for the first, whose rules it has taken over.
    assert [text in last for text in ("SUMMARY 2", SUMMARY, "speak plainly")] == [True, False, True]


@every_way
@every_format
@pytest.mark.parametrize("say", ["", " \n"])
def test_an_empty_summary_fails_and_leaves_nothing(
    bench: Bench, provider: str, way: str, say: str
) -> None:
    asked = {"model": model(provider, f"empty {provider} {way}", say)}
    if way == "whole":
        refused = (500, "upstream_error", None)
        assert bench.refusal({"input": [CITY, NOTED, TRIGGER], **asked}) == refused
        assert bench.refusal({"input": [CITY, NOTED], **asked}, COMPACT) == refused
        return
    failed = bench.ask(way, [CITY, NOTED, TRIGGER], **asked)
    assert (failed["status"], failed["output"]) == ("failed", [])
    assert "summary" in failed["error"]["message"]


@every_format
def test_a_summary_that_was_cut_short_is_none(bench: Bench, provider: str) -> None:
    cut = {"model": model(provider, f"cut {provider}", finish="length")}
    answer = bench.ask("whole", [CITY, NOTED, TRIGGER], **cut)
    assert (answer["status"], answer["output"]) == ("incomplete", [])
    assert answer["incomplete_details"] == {"reason": "max_output_tokens"}
    status, code, _ = bench.refusal({"input": [CITY, NOTED], **cut}, COMPACT)
    assert (status, code) == (500, "upstream_error")


def test_one_that_came_to_nothing_is_tried_anew_under_its_idempotency_key(bench: Bench) -> None:
    tag = "cut under a key"
    asked = {"model": model("chat", tag, finish="length"), "input": [CITY, NOTED]}
    headers = {"Idempotency-Key": "k1"}
    answers = [bench.client.post(COMPACT, json=asked, headers=headers) for _ in range(2)]
    assert [each.status_code for each in answers] == [500, 500]
    assert "Idempotent-Replayed" not in answers[1].headers
    assert len(bench.sent(tag)) == 2


def test_it_is_counted_for_its_account(bench: Bench) -> None:
    counted = Counted(input=100, output=10)
    asked = model("chat", "counted", usage=counted)
    rival = bench.stranger  # a worker of the tests before may still write what the other has used
    before = rival.get("/v1/usage").get_json()["total"]
    answer = rival.post(COMPACT, json={"model": asked, "input": [CITY, NOTED]})
    assert answer.status_code == 200
    after = rival.get("/v1/usage").get_json()["total"]
    assert after["requests"] - before["requests"] == 1
    assert after["input_tokens"] - before["input_tokens"] == 100
    assert after["output_tokens"] - before["output_tokens"] == 10


def test_it_is_counted_under_its_model(bench: Bench) -> None:
    grown = Growth("gateway_requests_total")
    bench.compact(model=model("chat", "labelled"), input=[CITY, NOTED])
    counted = {"endpoint": COMPACT, "model": "other", "status": "200"}  # none that a file names
    assert grown.of("gateway_requests_total", **counted) == 1


def test_one_that_was_altered_or_is_anothers_is_refused_by_its_path(bench: Bench) -> None:
    asked = {"model": model("chat", "altered")}
    (item,) = bench.ask("whole", [CITY, NOTED, TRIGGER], **asked)["output"]
    sealed = item["encrypted_content"]
    path = (400, "invalid_value", "input[1].encrypted_content")
    for bad in (sealed[:-5], sealed[:30] + "AAAA" + sealed[34:], sealed + "AAAA", sealed[:5]):
        altered = {"type": "compaction", "encrypted_content": bad}
        assert bench.refusal({"input": [CITY, altered, NEXT], **asked}) == path
        assert bench.refusal({"input": [CITY, altered, item, NEXT], **asked}) == path
    rival = Bench(bench.stranger, bench.client, bench.works, bench.upstream)
    assert rival.refusal({"input": [CITY, item, NEXT], **asked}) == path


@every_format
def test_another_services_is_refused_where_it_cannot_be_read(bench: Bench, provider: str) -> None:
    foreign = {"type": "compaction", "encrypted_content": "gAAAAABm_opaque"}
    asked = {"model": model(provider, "foreign"), "input": [CITY, foreign, NEXT]}
    refused = (400, "unsupported_value", "input[1].encrypted_content")
    assert bench.refusal(asked) == refused
    assert bench.refusal({**asked, "background": True}) == refused


def test_a_call_without_its_output_is_refused_before_anything_is_compacted(bench: Bench) -> None:
    asked = {"model": model("chat", "open"), "input": [CITY, CALL, TRIGGER], "tools": [TOOL]}
    assert bench.refusal(asked) == (400, None, "input")
    assert bench.sent("open") == []


def test_the_endpoint_needs_a_model(bench: Bench) -> None:
    refused = (400, "missing_required_parameter", "model")
    assert bench.refusal({"input": "Hi"}, COMPACT) == refused


def test_a_conversation_with_an_id_goes_on_from_its_compaction_until_that_is_removed(
    bench: Bench,
) -> None:
    tag = "conversation"
    made = bench.client.post("/v1/conversations", json={"items": [RULE, CITY, NOTED]}).get_json()
    there = {"conversation": made["id"]}
    (item,) = bench.ask("whole", [TRIGGER], model=model("chat", tag), **there)["output"]
    bench.ask("streamed", [NEXT], model=model("anthropic", tag, "Go."), **there)
    after = bench.sent(tag)[-1]
    assert [text in after for text in (SUMMARY, "speak plainly", "Oslo.", "noted")] == [
        True,
        True,
        True,
        False,
    ]
    path = f"/v1/conversations/{made['id']}/items"
    listed = bench.client.get(f"{path}?order=asc").get_json()["data"]
    kinds_there = [each["type"] for each in listed]
    assert kinds_there == ["message"] * 3 + ["compaction"] + ["message"] * 2
    assert bench.client.delete(f"{path}/{item['id']}").status_code == 200
    bench.ask("whole", [NEXT], model=model("responses", tag, "Go."), **there)
    assert "That was noted" in bench.sent(tag)[-1]
    assert SUMMARY not in bench.sent(tag)[-1]


def test_a_conversation_that_holds_anothers_compaction_says_where_it_is(bench: Bench) -> None:
    asked = {"model": model("chat", "held")}
    (item,) = bench.ask("whole", [CITY, NOTED, TRIGGER], **asked)["output"]
    rival = Bench(bench.stranger, bench.client, bench.works, bench.upstream)
    made = rival.client.post("/v1/conversations", json={"items": [CITY, item]}).get_json()
    body = {"input": [NEXT], "conversation": made["id"], **asked}
    assert rival.refusal(body) == (400, "invalid_value", "conversation")
