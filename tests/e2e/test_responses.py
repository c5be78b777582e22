"""The main path over real sockets, on both classes of worker."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from tests.e2e.config import APIS
from tests.e2e.gateway import Gateway
from tests.upstream.client import Upstream
from tests.upstream.script import Call, Counted, Script

MODELS = [f"{provider}/steady" for provider in APIS]


@pytest.mark.parametrize("model", MODELS)
def test_a_string_is_answered(either_gateway: Gateway, model: str) -> None:
    shown = either_gateway.create("hello you", model=model)
    assert (shown["status"], shown["output_text"]) == ("completed", "Turn 1 said: hello you")


@pytest.mark.parametrize("model", MODELS)
def test_a_streamed_answer_folds_to_the_whole_one(either_gateway: Gateway, model: str) -> None:
    script = Script(
        reasoning="let me think",
        say="naïve café",
        calls=(Call(name="weather", arguments='{"city":"Zürich"}', id="call_abc"),),
        usage=Counted(input=20, output=9, cached=4, reasoning=3),
    ).text()
    whole = either_gateway.create(script, model=model)
    streamed = either_gateway.stream(script, model=model).response
    assert without_ids(streamed) == without_ids(whole)


def without_ids(response: dict[str, Any]) -> dict[str, Any]:
    """Return what two answers to one request have in common."""
    items = [{**item, "id": ""} for item in response["output"]]
    return response | {"id": "", "created_at": 0, "completed_at": 0, "output": items}


def test_messages_reach_the_model_in_their_order_and_roles(
    either_gateway: Gateway, upstream: Upstream
) -> None:
    script = Script(tag=f"order{either_gateway.url}").text()
    either_gateway.create(
        [
            {"role": "user", "content": "first"},
            {"role": "assistant", "content": "second"},
            {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": script}],
            },
        ],
        instructions="be brief",
    )
    (seen,) = upstream.requests(f"order{either_gateway.url}")
    found = [(message["role"], message["content"]) for message in seen["body"]["messages"]]
    assert found == [
        ("system", "be brief"),
        ("user", "first"),
        ("assistant", "second"),
        ("user", script),
    ]


def test_get_shows_exactly_what_the_post_showed(either_gateway: Gateway) -> None:
    shown = either_gateway.create("hello")
    assert either_gateway.get(shown["id"]).json() == shown


def test_get_shows_exactly_what_the_streams_last_event_showed(either_gateway: Gateway) -> None:
    shown = either_gateway.stream("hello").response
    assert either_gateway.get(shown["id"]).json() == shown


def test_a_stream_tells_of_its_response_from_the_first_event_to_the_last(
    either_gateway: Gateway,
) -> None:
    stream = either_gateway.stream(Script(say=("one ", "two")).text())
    assert stream.types == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]


@pytest.mark.parametrize(
    ("finish", "status", "reason"),
    [
        ("length", "incomplete", "max_output_tokens"),
        ("content_filter", "incomplete", "content_filter"),
    ],
)
@pytest.mark.parametrize("model", MODELS)
def test_an_answer_that_was_cut_short_is_incomplete(
    gateway: Gateway, model: str, finish: Any, status: str, reason: str
) -> None:
    script = Script(say="half a", finish=finish).text()
    whole = gateway.create(script, model=model)
    streamed = gateway.stream(script, model=model)
    assert (whole["status"], whole["incomplete_details"]) == (status, {"reason": reason})
    assert streamed.last["type"] == "response.incomplete"
    assert without_ids(streamed.response) == without_ids(whole)


def test_a_deleted_response_is_gone(either_gateway: Gateway) -> None:
    response_id = either_gateway.create("hello")["id"]
    deleted = either_gateway.call("DELETE", f"/v1/responses/{response_id}")
    assert deleted.json() == {"id": response_id, "object": "response.deleted", "deleted": True}
    assert either_gateway.get(response_id).json()["error"]["code"] == "response_not_found"


def test_another_accounts_response_is_as_unknown_as_none(gateway: Gateway) -> None:
    response_id = gateway.create("hello")["id"]
    foreign = gateway.get(response_id, key=gateway.keys.foreign)
    unknown = gateway.get("resp_" + "0" * 48, key=gateway.keys.foreign)
    assert (foreign.status_code, unknown.status_code) == (404, 404)
    assert foreign.text.replace(response_id, "X") == unknown.text.replace("resp_" + "0" * 48, "X")


@pytest.mark.parametrize("stream", [False, True])
def test_a_turn_continues_at_once_in_another_process(
    gevent_gateway: Gateway, gthread_gateway: Gateway, upstream: Upstream, stream: bool
) -> None:
    gateways = [gevent_gateway, gthread_gateway]
    parent = None
    for number in range(6):
        script = Script(tag=f"chain{stream}", say=f"answer {number}").text()
        body = {"previous_response_id": parent, "model": "chat/steady"}
        here = gateways[number % 2]
        shown = here.stream(script, **body).response if stream else here.create(script, **body)
        parent = shown["id"]
    last = upstream.requests(f"chain{stream}")[-1]
    found = [
        message["content"] for message in last["body"]["messages"] if message["role"] == "assistant"
    ]
    assert found == [f"answer {number}" for number in range(5)]


def test_a_turn_of_another_account_cannot_be_continued(gateway: Gateway) -> None:
    parent = gateway.create("hello")["id"]
    body = {"model": "steady", "input": "go on", "previous_response_id": parent}
    answer = gateway.call("POST", "/v1/responses", body, key=gateway.keys.foreign)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (
        400,
        "previous_response_not_found",
        "previous_response_id",
    )


def test_the_input_of_earlier_turns_is_listed_latest_first(gateway: Gateway) -> None:
    first = gateway.create("one")
    second = gateway.create("two", previous_response_id=first["id"])
    listed = gateway.call("GET", f"/v1/responses/{second['id']}/input_items").json()
    texts = [item["content"][0]["text"] for item in listed["data"]]
    assert texts == ["two", "Turn 1 said: one", "one"]


def test_the_openai_client_creates_retrieves_lists_and_deletes(
    openai_client: openai.OpenAI,
) -> None:
    made = openai_client.responses.create(model="steady", input="hello you")
    found = openai_client.responses.retrieve(made.id)
    listed = list(openai_client.responses.input_items.list(made.id, limit=1))
    openai_client.responses.delete(made.id)
    assert made.output_text == found.output_text == "Turn 1 said: hello you"
    assert [item.type for item in listed] == ["message"]
    with pytest.raises(openai.NotFoundError):
        openai_client.responses.retrieve(made.id)


def test_the_openai_client_counts_the_tokens_of_an_input(openai_client: openai.OpenAI) -> None:
    counter = openai_client.responses.input_tokens
    counted = counter.count(model="local/echo", instructions="Be brief.", input="hello you")
    assert counted.input_tokens == 4
    estimated = counter.with_raw_response.count(model="steady", input="hello you")
    assert estimated.headers["X-Estimated"] == "input_tokens"
    assert estimated.parse().input_tokens == 3


def test_the_openai_client_accumulates_a_stream(openai_client: openai.OpenAI) -> None:
    script = Script(
        reasoning="hm", say="it is", calls=(Call(name="f", arguments='{"a": [1]}'),)
    ).text()
    with openai_client.responses.stream(model="steady", input=script) as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert deltas == ["it ", "is"]
    assert [item.type for item in final.output] == ["reasoning", "message", "function_call"]
    assert openai_client.responses.retrieve(final.id).output_text == final.output_text == "it is"


def test_the_openai_client_raises_its_own_errors(openai_client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as unknown:
        openai_client.responses.create(model="no-such-model", input="hello")
    assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
    assert unknown.value.request_id


def test_the_built_in_model_needs_no_upstream(either_gateway: Gateway) -> None:
    shown = either_gateway.create("hello", model="local/echo")
    assert (shown["status"], bool(shown["output_text"])) == ("completed", True)
