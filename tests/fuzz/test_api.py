"""The API as its own document describes it, and with bodies that nobody would send."""

from __future__ import annotations

import re
from typing import Any

import orjson
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from app.schemas.docs.openapi import document
from app.schemas.field import ReadContext
from app.schemas.wire.answers import ErrorEnvelopeSchema
from app.stream_check.checker import check_stream
from tests.fuzz.bodies import broken, mutated_bodies
from tests.fuzz.gateway import HEADERS, MODEL, gateway, stored

APP = gateway()
# No worker runs beside this gateway, and /readyz rightly says so.
API = schemathesis.openapi.from_wsgi("/openapi.json", APP).exclude(path="/readyz")
API.config.generation.update(modes=list(schemathesis.GenerationMode))
# Some 15,000 cases, made anew by each process that collects this file: they are for `make fuzz`.
API.config.phases.coverage.enabled = settings.get_current_profile_name() == "fuzz"
ENVELOPE = ErrorEnvelopeSchema()
#: For people with a browser, not for programs.
PAGES = ("/docs", "/console")
#: Rules between parameters are beyond a JSON schema; a missing key has a test of its own.
BEYOND = [positive_data_acceptance, ignored_auth]
MODESTLY = settings(
    max_examples=max(25, settings().max_examples // 10),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
THOROUGHLY = settings(MODESTLY, max_examples=max(100, settings().max_examples))


@API.hook
def map_case(context: Any, case: Any) -> Any:
    """Make sound requests go somewhere: to a model and to responses that are there."""
    if case.meta.generation.mode is not schemathesis.GenerationMode.POSITIVE:
        return case
    if isinstance(case.body, dict):
        case.body["model"] = MODEL
        if case.body.get("previous_response_id"):
            case.body["previous_response_id"] = stored(APP)
    if len(str(case.path_parameters.get("response_id", ""))) % 2:
        case.path_parameters["response_id"] = stored(APP)
    return case


def test_the_document_names_every_route_and_no_other() -> None:
    routes = {
        (re.sub(r"<(?:path:)?(\w+)>", "{}", rule.rule), method.lower())
        for rule in APP.url_map.iter_rules()
        if not rule.rule.startswith(PAGES)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    documented = {
        (re.sub(r"{\w+}", "{}", path), method)
        for path, methods in document()["paths"].items()
        for method in methods
    }
    assert documented == routes


@API.parametrize()
@MODESTLY
def test_every_operation_keeps_to_the_document(case: Any) -> None:
    case.call_and_validate(headers=HEADERS, excluded_checks=BEYOND)


def post(raw: bytes) -> int:
    """Send a body and return the status; the answer must be whole, a refusal in the envelope."""
    status = APP.test_client().post(
        "/v1/responses", data=raw, content_type="application/json", headers=HEADERS
    )
    assert status.status_code < 500
    if status.status_code >= 400:
        ENVELOPE.read(status.get_json(), "", ReadContext())
    elif status.mimetype == "text/event-stream":
        check_stream(status.get_data().splitlines(keepends=True))
    return status.status_code


@THOROUGHLY
@given(mutated_bodies())
def test_a_mutated_body_is_answered_or_refused_in_the_envelope(body: Any) -> None:
    try:
        raw = orjson.dumps(body)
    except TypeError:
        return  # no JSON can say it
    post(raw)


@THOROUGHLY
@given(st.data(), mutated_bodies())
def test_broken_json_is_answered_or_refused_in_the_envelope(data: st.DataObject, body: Any) -> None:
    try:
        raw = orjson.dumps(body)
    except TypeError:
        return
    post(data.draw(broken(raw)))


def pair(number: int) -> list[dict[str, Any]]:
    """Return a call and its output."""
    call = {"type": "function_call", "call_id": f"c{number}", "name": "f", "arguments": "{}"}
    return [call, {"type": "function_call_output", "call_id": f"c{number}", "output": ""}]


@pytest.mark.parametrize("count", [1, 10_000, 10_001, 50_000])
def test_many_calls_are_answered_or_too_many(count: int) -> None:
    items = [each for number in range(count) for each in pair(number)]
    status = post(orjson.dumps({"model": MODEL, "input": items}))
    assert status == (200 if count <= 10_000 else 400)


@pytest.mark.parametrize("count", [1, 19_999, 20_000, 20_001, 100_000])
def test_many_items_are_answered_or_too_many(count: int) -> None:
    items = [{"role": "user", "content": "Hi"}] * count
    status = post(orjson.dumps({"model": MODEL, "input": items}))
    assert status == (200 if count <= 20_000 else 400)
