"""Tools that the provider runs itself: what it makes of them comes whole, however it is asked (P2).

The test bed plays an item of every kind, one of no known kind among them, with its events.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.api import context
from app.factory import create_app
from app.settings import HOSTED_TOOLS, ModelSettings, ProviderSettings, RedisSettings, Settings
from app.stream_check.checker import check_stream
from tests.contract.clients import client_of
from tests.contract.works import Works
from tests.hosted_events import DREAM, PLAYED
from tests.hosted_items import COMPUTER, MCP_REQUEST, PROGRAM, SCREENSHOT
from tests.upstream import client as upstreams
from tests.upstream.client import Upstream
from tests.upstream.responses import TOOL_USAGE
from tests.upstream.script import Call, Fail, Script

Json = dict[str, Any]
WAYS = ("whole", "streamed", "background")
every_way = pytest.mark.parametrize("way", WAYS)
CITED: Json = {
    "id": "msg_68f0",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "content": [
        {
            "type": "output_text",
            "text": "It rains.",
            "annotations": [
                {
                    "type": "url_citation",
                    "url": "https://weather.example/oslo",
                    "title": "Oslo",
                    "start_index": 0,
                    "end_index": 9,
                },
                {
                    "type": "container_file_citation",
                    "container_id": "cntr_1",
                    "file_id": "cfile_1",
                    "filename": "a.png",
                    "start_index": 0,
                    "end_index": 2,
                },
            ],
            "logprobs": [],
        }
    ],
}
CALLS = tuple(Call(item=item, events=tuple(events)) for item, events in PLAYED)
PLAY = Script(tag="hosted", calls=(*CALLS[:3], Call(item=CITED), *CALLS[3:])).text()
BROKEN = Script(fail=Fail(status=503)).text()
SECRET = "mcp-token-7f3a"  # noqa: S105 - it opens nothing
MCP: Json = {
    "type": "mcp",
    "server_label": "crm",
    "server_url": f"https://crm.example/{SECRET}/sse",
    "authorization": SECRET,
    "headers": {"X-Key": SECRET},
    "require_approval": "always",
}
TOOLS: list[Json] = [
    {"type": "web_search_2025_08_26", "search_context_size": "low", "user_location": None},
    {"type": "file_search", "vector_store_ids": ["vs_1"]},
    {
        "type": "code_interpreter",
        "container": {
            "type": "auto",
            "network_policy": {"type": "allowlist", "domain_secrets": [{"value": SECRET}]},
        },
    },
    {"type": "image_generation", "partial_images": 1},
    MCP,
    {**MCP, "server_label": "erp"},
    {"type": "computer", "display_width": 1024},
    {"type": "programmatic_tool_calling"},
    {"type": "tool_search"},
    {"type": "function", "name": "look_up", "defer_loading": True, "parameters": {}},
]
INCLUDE = ["web_search_call.action.sources", "code_interpreter_call.outputs"]

BY_PROGRAM: Json = {"type": "program", "caller_id": PROGRAM["call_id"]}
CALLABLE: list[Json] = [
    {"type": "programmatic_tool_calling"},
    {
        "type": "function",
        "name": "look_up",
        "parameters": {},
        "allowed_callers": ["programmatic"],
        "output_schema": {"type": "object"},
    },
    {"type": "custom", "name": "note", "allowed_callers": ["direct", "programmatic"]},
]
MADE: list[Json] = [
    {"type": "function_call", "call_id": "call_a", "name": "look_up", "arguments": "{}"},
    {"type": "custom_tool_call", "call_id": "call_b", "name": "note", "input": "x"},
]
CALLING = Script(
    tag="program",
    calls=(
        Call(item=PROGRAM),
        *(Call(item={"id": f"c_{n}", **made, "caller": BY_PROGRAM}) for n, made in enumerate(MADE)),
        Call(item={"id": "c_9", **MADE[0], "call_id": "call_d", "caller": {"type": "direct"}}),
    ),
).text()
GIVEN: list[Json] = [
    {"type": "function_call_output", "call_id": "call_a", "output": "1", "caller": BY_PROGRAM},
    {"type": "custom_tool_call_output", "call_id": "call_b", "output": "2", "caller": BY_PROGRAM},
    {"type": "function_call_output", "call_id": "call_d", "output": "3"},
]


@dataclass
class Bench:
    """A gateway before the test bed, a caller, and who works in the background."""

    client: FlaskClient
    works: Works
    upstream: Upstream
    streams: dict[str, bytes]
    app: Flask

    def ask(self, way: str, **body: Any) -> Json:
        """Return the response to a request, whichever way it is made."""
        body = {"model": "hosted", "input": "Hi", **body}
        if way == "whole":
            answer = self.client.post("/v1/responses", json=body)
        elif way == "streamed":
            answer = self.client.post("/v1/responses", json=body | {"stream": True})
            assert answer.status_code == 200, answer.get_data()
            events = self._checked(answer.get_data())
            return last_of(events)
        else:
            queued = self.client.post("/v1/responses", json=body | {"background": True})
            assert queued.status_code == 202, queued.get_data()
            self.works.work()
            path = f"/v1/responses/{queued.get_json()['id']}"
            self._checked(self.client.get(f"{path}?stream=true").get_data())
            answer = self.client.get(path)
        assert answer.status_code == 200, answer.get_data()
        shown: Json = answer.get_json()
        return shown

    def _checked(self, stream: bytes) -> list[Json]:
        check_stream(stream.splitlines(keepends=True))
        events = events_of(stream)
        self.streams[last_of(events)["id"]] = stream
        return events

    def sent(self, tag: str = "hosted") -> list[Json]:
        """Return the bodies that upstreams were sent."""
        return [each["body"] for each in self.upstream.requests(tag)]


def events_of(stream: bytes) -> list[Json]:
    lines = [line.removeprefix(b"data: ") for line in stream.splitlines() if line[:5] == b"data:"]
    return [orjson.loads(line) for line in lines if line != b"[DONE]"]


def last_of(events: list[Json]) -> Json:
    response: Json = events[-1]["response"]
    return response


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with upstreams.running() as upstream:
        yield upstream


@pytest.fixture
def settings(upstream: Upstream, redis_url: str) -> Settings:
    base_url = f"{upstream.places.url}/v1"
    vendor = ProviderSettings(
        name="vendor",
        api="responses",
        base_url=base_url,
        hosted_tools=HOSTED_TOOLS,
        quirks={"tool_choice": "full"},
    )
    return Settings(
        providers=(
            vendor,
            ProviderSettings(name="chat", api="chat_completions", base_url=base_url),
            ProviderSettings(name="anthropic", api="anthropic_messages", base_url=base_url),
        ),
        models=(
            ModelSettings(id="hosted", provider="vendor", upstream_model=PLAY),
            ModelSettings(id="programs", provider="vendor", upstream_model=CALLING),
            ModelSettings(
                id="falls-back",
                provider="vendor",
                upstream_model=BROKEN,
                fallbacks=("chat/" + Script(tag="fallback", say="Hello").text(),),
            ),
        ),
        redis=RedisSettings(url=redis_url, prefix="hosted:"),
        log_level="CRITICAL",
    )


@pytest.fixture
def bench(
    upstream: Upstream, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    upstream.reset()
    app = create_app(settings)
    with closing(Works(settings, monkeypatch)) as works:
        yield Bench(client_of(app), works, upstream, {}, app)
    with app.app_context():
        context.services().meter.book.flush()


@every_way
def test_every_item_comes_as_the_server_made_it(bench: Bench, way: str) -> None:
    response = bench.ask(way, tools=TOOLS, include=INCLUDE)
    assert (response["status"], response["error"]) == ("completed", None)
    shown = [item for item in response["output"] if item["type"] != "message"]
    made = [item for item, _ in PLAYED]
    assert [item | {"id": "x"} for item in shown] == [item | {"id": "x"} for item in made]
    for item, theirs in zip(shown, made, strict=True):
        assert item["id"].endswith(f"_{theirs['id']}")
        assert item["id"] != theirs["id"]
    message = response["output"][3]
    assert message["content"] == CITED["content"]
    assert (response["output_text"], response["tool_usage"]) == ("It rains.", TOOL_USAGE)


@every_way
def test_what_is_fetched_is_what_was_answered(bench: Bench, way: str) -> None:
    response = bench.ask(way, tools=TOOLS)
    path = f"/v1/responses/{response['id']}"
    assert bench.client.get(path).get_json() == response
    if way == "streamed":
        stream = bench.client.get(f"{path}?stream=true").get_data()
        assert stream == bench.streams[response["id"]]


@pytest.mark.parametrize("way", ["streamed", "background"])
def test_every_event_comes_inside_its_item_in_the_servers_words(bench: Bench, way: str) -> None:
    response = bench.ask(way, tools=TOOLS)
    events = events_of(bench.streams[response["id"]])
    places = {item["id"]: index for index, item in enumerate(response["output"])}
    happened: dict[str, list[Json]] = {}
    for event in events:
        if "item_id" in event and event["type"].split(".")[1] not in (
            "content_part",
            "output_text",
        ):
            own = {"sequence_number", "item_id", "output_index"}
            assert event["output_index"] == places[event["item_id"]]
            shown = {name: value for name, value in event.items() if name not in own}
            happened.setdefault(event["item_id"].rpartition("_")[2], []).append(shown)
    played = {item["id"].rpartition("_")[2]: inside for item, inside in PLAYED if inside}
    assert happened == played


@every_way
def test_the_tools_go_as_they_came_and_are_shown_without_secrets(bench: Bench, way: str) -> None:
    response = bench.ask(way, tools=TOOLS, include=INCLUDE, max_tool_calls=3)
    (seen,) = bench.sent()
    assert seen["tools"][:-1] == TOOLS[:-1]
    assert (seen["tools"][-1]["defer_loading"], seen["max_tool_calls"]) == (True, 3)
    assert seen["include"] == ["reasoning.encrypted_content", *INCLUDE]
    assert SECRET not in orjson.dumps(response).decode()
    echoed = response["tools"][4]
    assert echoed == {
        "type": "mcp",
        "server_label": "crm",
        "server_url": "https://crm.example",
        "require_approval": "always",
    }
    stored = bench.client.get(f"/v1/responses/{response['id']}").get_data(as_text=True)
    assert SECRET not in stored


#: What happens in a message.
OURS = ("content_part", "output_text")
CHOICES: list[Any] = [
    {"type": "web_search_preview"},
    {"type": "mcp", "server_label": "crm", "name": "find_customer"},
    {"type": "computer_use"},
    {"type": "programmatic_tool_calling"},
    {
        "type": "allowed_tools",
        "mode": "required",
        "tools": [
            {"type": "mcp", "server_label": "crm"},
            {"type": "mcp", "server_label": "erp"},
            {"type": "function", "name": "look_up"},
            {"type": "image_generation"},
        ],
    },
]


@pytest.mark.parametrize("choice", CHOICES)
def test_a_choice_of_them_goes_as_it_came(bench: Bench, choice: Json) -> None:
    model = "vendor/" + Script(tag="chosen", say="Well.").text()
    response = bench.ask("whole", tools=TOOLS, tool_choice=choice, model=model)
    (seen,) = bench.sent("chosen")
    assert (response["tool_choice"], seen["tool_choice"]) == (choice, choice)


@pytest.mark.parametrize("choice", [MCP, {"type": "allowed_tools", "mode": "auto", "tools": [MCP]}])
def test_a_choice_shows_no_secrets(bench: Bench, choice: Json) -> None:
    model = "vendor/" + Script(tag="chosen", say="Well.").text()
    response = bench.ask("whole", tools=TOOLS, tool_choice=choice, model=model)
    path = f"/v1/responses/{response['id']}"
    assert SECRET not in orjson.dumps(response).decode()
    assert SECRET not in bench.client.get(path).get_data(as_text=True)


@every_way
def test_the_next_turn_sends_each_item_back_under_its_own_id(bench: Bench, way: str) -> None:
    first = bench.ask(way, tools=TOOLS)
    answers = answers_to(first)
    bench.ask(way, input=answers, previous_response_id=first["id"])
    went_back(bench.sent()[-1])


@every_way
def test_a_client_that_keeps_the_items_itself_sends_them_back_as_well(
    bench: Bench, way: str
) -> None:
    first = bench.ask("streamed" if way == "background" else way, tools=TOOLS, store=False)
    history = [{"role": "user", "content": "Hi"}, *first["output"], *answers_to(first)]
    bench.ask(way, input=history)
    went_back(bench.sent()[-1])


def answers_to(response: Json) -> list[Json]:
    """Return what the caller has to say to the last two items."""
    asked = next(item for item in response["output"] if item["type"] == MCP_REQUEST["type"])
    allowed = {"type": "mcp_approval_response", "approval_request_id": asked["id"], "approve": True}
    shot = {name: value for name, value in SCREENSHOT.items() if name != "id"}
    return [allowed, shot]


def went_back(body: Json) -> None:
    sent = [item for item in body["input"] if item.get("type") != "message"]
    assert sent[:-3] == [item for item, _ in PLAYED if item is not COMPUTER]
    allowed, computer, shot = sent[-3:]
    assert allowed["approval_request_id"] == MCP_REQUEST["id"]
    assert (computer, shot["call_id"]) == (COMPUTER, COMPUTER["call_id"])
    assert "id" not in allowed
    assert "id" not in shot


def test_a_conversation_that_is_given_the_items_keeps_what_their_server_calls_them(
    bench: Bench,
) -> None:
    first = bench.ask("whole", tools=TOOLS)
    items = [item for item in first["output"] if item["type"] != DREAM["type"]]
    made = bench.client.post("/v1/conversations", json={"items": items}).get_json()
    bench.ask("whole", conversation=made["id"], input=answers_to(first))
    sent = [item for item in bench.sent()[-1]["input"] if item.get("type") != "message"]
    shown = {item["id"] for item in sent if "id" in item}
    assert shown == {item["id"] for item, _ in PLAYED if item is not DREAM}
    assert sent[-3]["approval_request_id"] == MCP_REQUEST["id"]


def test_elsewhere_the_items_are_told_in_words(bench: Bench) -> None:
    first = bench.ask("whole", tools=TOOLS)
    model = "anthropic/" + Script(tag="words", say="Well.").text()
    bench.ask(
        "whole", model=model, input=answers_to(first), previous_response_id=first["id"], store=False
    )
    (seen,) = bench.sent("words")
    sent = orjson.dumps(seen).decode()
    assert "searched the web" in sent
    assert DREAM["type"] in sent
    assert first["id"].removeprefix("resp_") not in sent


def test_a_fallback_that_does_not_run_them_names_them(bench: Bench) -> None:
    body = {"model": "falls-back", "input": "Hi", "tools": TOOLS, "include": INCLUDE}
    answer = bench.client.post("/v1/responses", json=body)
    named = answer.headers["X-Ignored-Parameters"].split(", ")
    assert named == [*(f"tools[{index}]" for index in range(len(TOOLS) - 1)), "include"]
    (seen,) = bench.sent("fallback")
    assert [tool["type"] for tool in seen["tools"]] == ["function"]
    assert SECRET not in orjson.dumps(seen).decode()


@pytest.mark.parametrize(
    ("tools", "choice"),
    [(TOOLS, {"type": "web_search_preview"}), (TOOLS[:2], "required"), (TOOLS, CHOICES[4])],
)
def test_a_fallback_that_cannot_do_what_is_demanded_does_not_answer(
    bench: Bench, tools: list[Json], choice: Any
) -> None:
    body = {"model": "falls-back", "input": "Hi", "tools": tools, "tool_choice": choice}
    answer = bench.client.post("/v1/responses", json=body)
    can_go_on = choice == CHOICES[4]  # a function is among what it may call
    assert answer.status_code == (200 if can_go_on else 503)


@pytest.mark.parametrize("model", ["chat/x", "local/echo"])
def test_a_provider_that_does_not_run_them_refuses_them_as_before(bench: Bench, model: str) -> None:
    body = {"model": model, "input": "Hi", "tools": [MCP]}
    answer = bench.client.post("/v1/responses", json=body)
    error = answer.get_json()["error"]
    assert (answer.status_code, error["param"]) == (400, "tools[0].type")
    assert SECRET not in error["message"]


@pytest.mark.parametrize(
    ("allowed", "rule"),
    [
        ((), "may use none of them."),
        (("web_search", "mcp"), "only these of them: web_search, mcp."),
    ],
)
@every_way
def test_a_key_may_be_denied_some_of_them(
    bench: Bench, way: str, allowed: tuple[str, ...], rule: str
) -> None:
    client = client_of(bench.app, hosted_tools=allowed)
    body = {"model": "hosted", "input": "Hi", "tools": [TOOLS[2]]}
    answer = client.post("/v1/responses", json=body | FORMS[way])
    error = answer.get_json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (
        403,
        "tool_not_allowed",
        "tools[0].type",
    )
    assert rule in error["message"]
    assert bench.sent() == []


@every_way
def test_a_web_search_that_a_key_denies_is_refused_on_its_own(bench: Bench, way: str) -> None:
    client = client_of(bench.app, hosted_tools=("mcp",))
    body = {"model": "hosted", "input": "Hi", "tools": [TOOLS[0]]} | FORMS[way]
    answer = client.post("/v1/responses", json=body)
    error = answer.get_json()["error"]
    seen = (answer.status_code, error["code"], error["param"])
    assert seen == (403, "tool_not_allowed", "tools[0].type")
    assert bench.sent() == []


FORMS: dict[str, Json] = {
    "whole": {},
    "streamed": {"stream": True},
    "background": {"background": True},
}


def test_what_a_key_allows_goes(bench: Bench) -> None:
    bench.client = client_of(bench.app, hosted_tools=("web_search", "mcp"))
    bench.ask("whole", tools=[TOOLS[0], MCP])
    (seen,) = bench.sent()
    assert seen["tools"] == [TOOLS[0], MCP]


def test_a_search_of_the_web_that_a_key_denies_is_left_out_beside_other_tools(
    bench: Bench,
) -> None:
    client = client_of(bench.app, hosted_tools=())
    body = {"model": "hosted", "input": "Hi", "tools": [TOOLS[0], TOOLS[-1]]}
    answer = client.post("/v1/responses", json=body)
    assert answer.headers["X-Ignored-Parameters"] == "tools[0]"
    (seen,) = bench.sent()
    assert [tool["type"] for tool in seen["tools"]] == ["function"]


def test_tools_that_an_item_has_brought_are_those_of_a_key_that_may_use_them(
    bench: Bench,
) -> None:
    brought = {"type": "additional_tools", "tools": [TOOLS[3], TOOLS[-1]]}
    first = bench.ask("whole", input=[brought, {"role": "user", "content": "Hi"}])
    assert bench.sent()[-1]["tools"][0] == TOOLS[3]
    bench.client = client_of(bench.app, hosted_tools=())
    bench.ask("whole", input=answers_to(first), previous_response_id=first["id"])
    assert [tool["type"] for tool in bench.sent()[-1]["tools"]] == ["function"]


def test_what_is_run_stands_in_the_lists(bench: Bench) -> None:
    client = client_of(bench.app, hosted_tools=("mcp",))
    for caller, tools in ((bench.client, list(HOSTED_TOOLS)), (client, ["mcp"])):
        assert caller.get("/v1/models/hosted").get_json()["supports"]["hosted_tools"] == tools
        assert caller.get("/v1/responses").get_json()["supported"]["hosted_tools"] == tools
    assert client.get("/v1/models/chat/x").get_json()["supports"]["hosted_tools"] == []


CALLS_MADE = {("call_a", "call_p"), ("call_b", "call_p"), ("call_d", None)}


def callers_in(items: list[Json], kind: str) -> set[tuple[str, str | None]]:
    """Return the call_id of each call, or output, and which program it is of."""
    return {
        (item["call_id"], item.get("caller", {}).get("caller_id"))
        for item in items
        if item["type"].endswith(kind)
    }


@every_way
@pytest.mark.parametrize("is_stored", [True, False])
def test_calls_by_a_program_say_so_on_their_way_and_back(
    bench: Bench, way: str, is_stored: bool
) -> None:
    way = "streamed" if way == "background" and not is_stored else way
    first = bench.ask(way, model="programs", tools=CALLABLE, store=is_stored)
    assert [tool.get("allowed_callers") for tool in first["tools"]] == [
        None,
        ["programmatic"],
        ["direct", "programmatic"],
    ]
    assert callers_in(first["output"], "_call") == CALLS_MADE
    kept = {"previous_response_id": first["id"]} if is_stored else {"store": False}
    history = [] if is_stored else first["output"]
    bench.ask(way, model="programs", tools=CALLABLE, input=[*history, *GIVEN], **kept)
    began, went_on = bench.sent("program")
    assert began["tools"][:2] == CALLABLE[:2]
    assert callers_in(went_on["input"], "_call") == CALLS_MADE
    assert callers_in(went_on["input"], "_output") == CALLS_MADE
    if is_stored:
        stream = bench.streams.get(first["id"])
        again = bench.client.get(f"/v1/responses/{first['id']}?stream=true").get_data()
        assert stream is None or again == stream


def test_a_provider_that_runs_no_programs_is_not_told_of_them(bench: Bench) -> None:
    first = bench.ask("whole", model="programs", tools=CALLABLE)
    script = Script(tag="plain", say="Well.").text()
    for provider in ("chat", "anthropic"):
        answer = bench.client.post(
            "/v1/responses",
            json={
                "model": f"{provider}/{script}",
                "tools": CALLABLE[1:2],
                "input": GIVEN,
                "previous_response_id": first["id"],
            },
        )
        assert answer.status_code == 200, answer.get_data()
        named = answer.headers["X-Ignored-Parameters"].split(", ")
        assert {"tools[0].allowed_callers", "input[0].caller"} <= set(named)
    assert not [body for body in bench.sent("plain") if "caller" in orjson.dumps(body).decode()]


@pytest.mark.parametrize(
    "caller", [{}, {"type": "program"}, {"type": "program", "caller_id": ""}, {"type": "x"}, "me"]
)
def test_a_caller_that_is_none_is_refused(bench: Bench, caller: Any) -> None:
    given = [{**MADE[0], "caller": caller}, GIVEN[0]]
    answer = bench.client.post("/v1/responses", json={"model": "hosted", "input": given})
    assert answer.status_code == 400
    assert answer.get_json()["error"]["param"].startswith("input[0].caller")
