"""The methods of the SDK's client, called one by one, and whether what they call is here."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx2
from openai import OpenAI, OpenAIError
from openai.types.webhooks.webhook_create_params import WebhookCreateParams

from tests.api.websockets import Handshake
from tests.compat import sdk
from tests.compat.gateway import Gateway
from tests.compat.probing import Verdict

#: The resources of the client whose API this is, as attributes of the client.
RESOURCES = (
    "responses",
    "responses.input_items",
    "responses.input_tokens",
    "conversations",
    "conversations.items",
    "models",
    "webhooks",
    "webhooks.event_types",
)
#: What a client does by itself, or wraps; `connect` opens a WebSocket, see `_connected`.
_NO_METHODS = ("connect", "with_raw_response", "with_streaming_response")
_NOT_FOUND = "not_found_error"
_HOOKS = "/v1/webhook_endpoints"
_HOOK: sdk.Json = {
    "name": "compat",
    "url": "https://hooks.example/a",
    "event_types": ["response.completed"],
}
#: What would send something, and is told of an endpoint that is not there.
_SENDING = "test"


class Calls(httpx2.BaseTransport):
    """Carries the SDK's requests to the gateway, and keeps what each came to."""

    def __init__(self, gateway: Gateway) -> None:
        self._inner = httpx2.WSGITransport(app=gateway.app)
        self.made: list[tuple[str, httpx2.Response]] = []

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one."""
        answer = self._inner.handle_request(request)
        answer.read()
        self.made.append((f"{request.method} {request.url.path}", answer))
        return answer


def methods(gateway: Gateway) -> Iterator[tuple[str, Verdict]]:
    """Yield each method that calls something, with whether that is here."""
    calls = Calls(gateway)
    client = OpenAI(
        base_url="http://gateway/v1",
        api_key=gateway.key,
        max_retries=0,
        http_client=httpx2.Client(transport=calls),
    )
    for name in RESOURCES:
        resource: Any = client
        for step in name.split("."):
            resource = getattr(resource, step, None)
        for method in _methods(resource):
            calls.made.clear()
            given = _given(gateway, background=method == "cancel")
            if method == _SENDING:
                given["webhook_endpoint_id"] = "whe_none"
            with suppress(OpenAIError, ValueError):  # the latter where nothing is called
                _call(getattr(resource, method), given)
            if calls.made:
                yield f"client.{name}.{method}", _verdict(calls.made[0][1])
    yield "client.responses.connect", _connected(gateway)


def webhook_events(gateway: Gateway) -> Iterator[tuple[str, Verdict]]:
    """Yield each type of event that an endpoint can be made for, with whether it can here."""
    (hint,) = sdk.elements(sdk.fields(WebhookCreateParams)["event_types"])
    for name in sdk.literals(hint):
        made = gateway.call("POST", _HOOKS, _HOOK | {"event_types": [name]})
        if made.status_code == 200:
            gateway.call("DELETE", f"{_HOOKS}/{made.get_json()['id']}")
        yield name, "honoured" if made.status_code == 200 else "refused"


def _methods(resource: object) -> list[str]:
    names = [name for name in dir(type(resource)) if not name.startswith("_")]
    kinds = {name: inspect.getattr_static(type(resource), name) for name in names}
    return [name for name in names if inspect.isfunction(kinds[name]) and name not in _NO_METHODS]


def _call(method: Any, given: dict[str, Any]) -> None:
    """Call a method with what it must be given, and read what it returns."""
    parameters = inspect.signature(method).parameters.values()
    needed = [each for each in parameters if each.default is inspect.Parameter.empty]
    arguments = {
        each.name: given.get(each.name, sdk.TEXTS.get(each.name, "x"))
        for each in needed
        if each.kind is not inspect.Parameter.VAR_KEYWORD
    }
    if "input" in {each.name for each in parameters}:
        arguments |= {"input": given["input"], "model": given["model"]}
    found = method(**arguments)
    if hasattr(found, "__enter__"):
        with found as stream:
            list(stream)


def _given(gateway: Gateway, *, background: bool) -> dict[str, Any]:
    """Return arguments that exist, by their names: made anew, since some methods delete."""
    model, items = "local/echo", [{"role": "user", "content": "Hi"}]
    body = {"model": model, "input": "Hi", "background": background}
    made = gateway.call("POST", "/v1/responses", body).get_json()
    talk = gateway.call("POST", "/v1/conversations", {"items": items}).get_json()["id"]
    listed = gateway.call("GET", f"/v1/conversations/{talk}/items").get_json()["data"]
    endpoint = gateway.call("POST", _HOOKS, _HOOK).get_json()
    return {
        "response_id": made["id"],
        "conversation_id": talk,
        "item_id": listed[0]["id"],
        "items": items,
        "input": "Hi",
        "model": model,
        "metadata": {"a": "b"},
        **_HOOK,
        "webhook_endpoint_id": endpoint.get("id", "none"),
        "event_type": _HOOK["event_types"][0],
    }


def _verdict(answer: httpx2.Response) -> Verdict:
    """Tell a path that is not here from one that is, whatever it says to the arguments."""
    if answer.status_code == 405:
        return "absent"
    if answer.status_code == 404:
        error = answer.json()["error"]
        is_path = error["type"] == _NOT_FOUND and error["code"] is None
        return "absent" if is_path else "honoured"
    return "honoured" if answer.is_success or answer.status_code == 404 else "refused"


def _connected(gateway: Gateway) -> Verdict:
    """Tell what an upgrade to WebSocket comes to, with a worker that can make it."""
    handshake = Handshake(gateway.app, Authorization=f"Bearer {gateway.key}")
    return "honoured" if handshake.status == 101 else "refused"
