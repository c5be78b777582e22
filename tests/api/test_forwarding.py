"""Fields that the gateway does not know, sent to a provider of which the operator names them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import responses
from flask import Flask

from app.factory import create_app
from app.settings import RequestSettings, Settings
from tests.api.conftest import Asker, asker
from tests.api.vendors import SECOND, VENDOR, WHOLE, sent, settings, upstream
from tests.contract.works import Works

__all__ = ["upstream"]

Gateway = Callable[..., Asker]
BLOCKING = {"model": "omni", "policy": {"input": {"mode": "block"}}}
SCORING = {"model": "omni", "policy": {"input": {"mode": "score"}}}
ODD = {"deep": [1, 2.5, None, {"é": "ü\u2028"}], "yes": True, "big": 9007199254740993}


@pytest.fixture
def gateway(redis_url: str, app: Flask) -> Gateway:
    """Return what makes a gateway, and somebody at it."""

    def made(requests: RequestSettings | None = None, **vendor: Any) -> Asker:
        return asker(create_app(settings(redis_url, requests=requests, **vendor)), "owner")

    return made


def ask(caller: Asker, upstream: responses.RequestsMock, **body: Any) -> tuple[str, dict[str, Any]]:
    """Return what the answer names as ignored, and what the first server was sent."""
    upstream.post(VENDOR + "/responses", json=WHOLE)
    answer = caller.ask("POST", "/v1/responses", {"model": "own", "input": "Hi", **body})
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.headers.get("X-Ignored-Parameters", ""), sent(upstream)


def test_what_is_named_is_sent_as_it_came(
    gateway: Gateway, upstream: responses.RequestsMock
) -> None:
    caller = gateway(forward=("moderation", "reasoning.context", "odd"))
    body = {"moderation": SCORING, "reasoning": {"context": "auto", "effort": "low"}, "odd": ODD}
    ignored, seen = ask(caller, upstream, **body, colour="blue")
    assert ignored == "colour"
    assert {name: seen.get(name) for name in body} == body
    assert "colour" not in seen


def test_a_parameter_that_the_profile_leaves_out_is_sent_where_it_is_named(
    gateway: Gateway, upstream: responses.RequestsMock
) -> None:
    body = {
        "text": {"verbosity": "low"},
        "prompt_cache_options": {"mode": "explicit", "ttl": "30m"},
        "service_tier": "flex",
    }
    names = ("text.verbosity", "prompt_cache_options", "service_tier")
    ignored, seen = ask(gateway(forward=names), upstream, **body)
    assert ignored == ""
    assert {name: seen.get(name) for name in body} == body
    ignored, seen = ask(gateway(forward=("odd",)), upstream, **body)
    assert set(ignored.split(", ")) == set(names)
    assert not body.keys() & seen.keys()


def test_what_the_server_says_of_it_is_shown_and_kept(
    gateway: Gateway, upstream: responses.RequestsMock
) -> None:
    judged = {"input": {"flagged": False}, "output": {"flagged": True}}
    upstream.post(VENDOR + "/responses", json=WHOLE | {"moderation": judged})
    caller = gateway(forward=("moderation",))
    body = {"model": "own", "input": "Hi", "moderation": SCORING}
    shown = caller.ask("POST", "/v1/responses", body).get_json()
    assert shown["moderation"] == judged
    assert caller.ask("GET", f"/v1/responses/{shown['id']}").get_json() == shown
    plain = caller.ask("POST", "/v1/responses", {"model": "own", "input": "Hi"}).get_json()
    assert "moderation" not in plain


#: What OpenAI's endpoint makes of fields that are forwarded, as the openai package has it.
MADE_OF_THEM = {
    "access_programs": {"cyber": "standard"},
    "image": {"context_compression": "enabled"},
    "prompt_cache_diagnostics": {"type": "cache_hit"},
}


def test_what_the_server_made_of_forwarded_fields_is_shown_and_kept(
    gateway: Gateway, upstream: responses.RequestsMock
) -> None:
    upstream.post(VENDOR + "/responses", json=WHOLE | MADE_OF_THEM)
    caller = gateway(forward=("all",))
    body = {"model": "own", "input": "Hi", "image": {"context_compression": "auto"}}
    answer = caller.ask("POST", "/v1/responses", body).get_json()
    assert {name: answer.get(name) for name in MADE_OF_THEM} == MADE_OF_THEM
    assert caller.ask("GET", f"/v1/responses/{answer['id']}").get_json() == answer


def test_all_is_everything_that_is_not_known_here(
    gateway: Gateway, upstream: responses.RequestsMock
) -> None:
    body = {"moderation": SCORING, "reasoning": {"mode": "pro"}, "odd": ODD, "text": {"odd": ODD}}
    ignored, seen = ask(gateway(forward=("all",)), upstream, **body)
    assert (ignored, {name: seen.get(name) for name in body}) == ("", body)


def test_what_has_no_name_of_its_own_is_still_ignored(
    gateway: Gateway, upstream: responses.RequestsMock
) -> None:
    long, dotted = "x" * 65, "reasoning.effort"
    given = [{"role": "user", "content": "Hi", "odd": 1}]
    body = {"input": given, long: 1, dotted: "high", "stream_options": {"odd": 1}}
    ignored, seen = ask(gateway(forward=("all",)), upstream, **body)
    named = {"input[0].odd", long[:64], dotted, "stream_options.odd", "stream_options"}
    assert set(ignored.split(", ")) == named
    assert seen.keys() == {"model", "input", "store", "stream", "include"}


def test_nothing_that_the_gateway_says_is_overwritten(
    gateway: Gateway, upstream: responses.RequestsMock
) -> None:
    caller = gateway(forward=("all",))
    first = caller.ask("POST", "/v1/responses", {"model": "local/echo", "input": "Hi"}).get_json()
    body = {"previous_response_id": first["id"], "store": True, "include": [], "background": False}
    _, seen = ask(caller, upstream, **body)
    assert (seen["store"], seen["stream"]) == (False, False)
    assert seen.keys().isdisjoint(("previous_response_id", "background"))


def test_names_stay_pseudonyms_where_the_server_is_said_to_take_them(
    gateway: Gateway, upstream: responses.RequestsMock
) -> None:
    caller = gateway(forward=("safety_identifier", "seed"))
    ignored, seen = ask(caller, upstream, safety_identifier="anna", seed=7)
    assert (ignored, seen["seed"]) == ("", 7)
    assert seen["safety_identifier"] not in (None, "anna")


def test_all_leaves_what_a_profile_knows_to_the_profile(
    gateway: Gateway, upstream: responses.RequestsMock
) -> None:
    ignored, seen = ask(gateway(forward=("all",)), upstream, seed=7)
    assert (ignored, "seed" in seen) == ("seed", False)


def test_a_fallback_that_is_not_sent_them_names_them(
    gateway: Gateway, upstream: responses.RequestsMock
) -> None:
    upstream.post(VENDOR + "/responses", status=429)
    upstream.post(SECOND + "/responses", json=WHOLE)
    body = {"model": "falls-back", "input": "Hi", "moderation": SCORING, "odd": ODD}
    answer = gateway(forward=("all",)).ask("POST", "/v1/responses", body)
    assert answer.headers["X-Ignored-Parameters"] == "moderation, odd"
    assert sent(upstream).keys().isdisjoint(("moderation", "odd"))


def test_another_provider_is_not_sent_them(
    gateway: Gateway, upstream: responses.RequestsMock
) -> None:
    body = {"model": "local/echo", "input": "Hi", "odd": ODD}
    answer = gateway(forward=("all",)).ask("POST", "/v1/responses", body)
    assert answer.headers["X-Ignored-Parameters"] == "odd"


def test_a_demand_for_blocking_goes_to_who_is_sent_it(
    gateway: Gateway, upstream: responses.RequestsMock
) -> None:
    ignored, seen = ask(gateway(forward=("moderation",)), upstream, moderation=BLOCKING)
    assert (ignored, seen["moderation"]) == ("", BLOCKING)


@pytest.mark.parametrize("body", [{"model": "local/echo"}, {"model": "second/x"}, {"model": "own"}])
def test_a_demand_for_blocking_is_refused_elsewhere(
    gateway: Gateway, upstream: responses.RequestsMock, body: dict[str, Any]
) -> None:
    caller = gateway(forward=("odd",) if body["model"] == "own" else ("moderation",))
    answer = caller.ask("POST", "/v1/responses", body | {"input": "Hi", "moderation": BLOCKING})
    error = answer.get_json()["error"]
    assert (answer.status_code, error["param"]) == (400, "moderation.policy.input.mode")


def test_a_fallback_that_cannot_block_does_not_answer(
    gateway: Gateway, upstream: responses.RequestsMock
) -> None:
    upstream.post(VENDOR + "/responses", status=429)
    body = {"model": "falls-back", "input": "Hi", "moderation": BLOCKING}
    answer = gateway(forward=("moderation",)).ask("POST", "/v1/responses", body)
    assert (answer.status_code, len(upstream.calls)) == (429, 1)


def test_what_is_sent_on_is_not_unknown_where_that_is_refused(
    gateway: Gateway, upstream: responses.RequestsMock
) -> None:
    caller = gateway(RequestSettings(unknown_parameters="refuse"), forward=("odd",))
    assert ask(caller, upstream, odd=ODD)[1]["odd"] == ODD
    answer = caller.ask("POST", "/v1/responses", {"model": "own", "input": "Hi", "other": 1})
    assert answer.get_json()["error"]["code"] == "unknown_parameter"


def test_the_background_sends_them_too(
    redis_url: str, app: Flask, upstream: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: Settings = settings(redis_url, forward=("all",))
    caller, works = asker(create_app(made), "owner"), Works(made, monkeypatch)
    upstream.post(VENDOR + "/responses", json=WHOLE)
    body = {"model": "own", "input": "Hi", "moderation": BLOCKING, "reasoning": {"mode": "pro"}}
    queued = caller.ask("POST", "/v1/responses", body | {"background": True})
    assert (queued.status_code, "X-Ignored-Parameters" in queued.headers) == (202, False)
    works.work()
    works.close()
    assert sent(upstream)["moderation"] == BLOCKING
    assert sent(upstream)["reasoning"] == {"mode": "pro"}


@pytest.mark.parametrize("forward", [(), ("all",)])
@pytest.mark.parametrize("name", ["moderation", "odd"])
@pytest.mark.parametrize("levels", [110, 900])
def test_what_is_nested_too_deep_is_refused_and_not_sent(
    gateway: Gateway,
    upstream: responses.RequestsMock,
    forward: tuple[str, ...],
    name: str,
    levels: int,
) -> None:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"policy": value}
    if name == "odd" and not forward:
        upstream.post(VENDOR + "/responses", json=WHOLE)
    body = {"model": "own", "input": "Hi", name: value}
    answer = gateway(forward=forward).ask("POST", "/v1/responses", body)
    if name == "odd" and not forward:
        assert answer.status_code == 200
    else:
        error = answer.get_json()["error"]
        assert (answer.status_code, error["param"], error["code"]) == (400, name, "invalid_value")
