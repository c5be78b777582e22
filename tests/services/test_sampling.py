"""Temperature and top_p: refused by a model that reasons (R5), but for what it does by itself."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.accounts.accounts import Caller
from app.domain.answer_options import ReasoningOptions
from app.domain.request import CreateRequest, ModelRequest, Parameters
from app.domain.turns.turn import Thread
from app.errors import InvalidRequest
from app.services.answering.prepared.model_requests import ModelRequests
from app.services.answering.prepared.request import PreparedRequest
from app.services.answering.prepared.sampling import refuse_sampling
from app.services.answering.sealing import PayloadSealer
from app.services.upstreams.catalog import Target
from tests.services.scripted import ScriptedProvider

NEVER, AT_NONE, BY_ITSELF = frozenset[str | None](), frozenset(("none",)), frozenset(("none", None))


def target(samples_at: frozenset[str | None] | None) -> Target:
    return Target("m", ScriptedProvider("p"), "m", samples_at)


def parameters(effort: str | None, given: dict[str, Any]) -> Parameters:
    return Parameters(reasoning=ReasoningOptions(effort) if effort else None, **given)


def sent(samples_at: frozenset[str | None] | None, given: Parameters) -> Parameters:
    """Return the parameters that a target is sent, if it is sent all that has an effect."""
    request = made(samples_at, given)
    assert request.left_out == ()
    return request.parameters


def made(samples_at: frozenset[str | None] | None, given: Parameters) -> ModelRequest:
    """Return the request to a target."""
    to = target(samples_at)
    request = CreateRequest(model="m", input=(), parameters=given)
    response: Any = None
    prepared = PreparedRequest(
        Caller(account="acme", key_id="key_1"), request, (to,), Thread("resp_1", (), ()), response
    )
    requests = ModelRequests(PayloadSealer(lambda: b"secret"), remembers=False)
    return requests.answer(prepared, (), to)


@pytest.mark.parametrize("name", ["temperature", "top_p"])
@pytest.mark.parametrize(
    ("samples_at", "effort"),
    [(NEVER, None), (NEVER, "none"), (AT_NONE, None), (AT_NONE, "low"), (BY_ITSELF, "low")],
)
def test_a_model_that_reasons_takes_none(
    name: str, samples_at: frozenset[str | None], effort: str | None
) -> None:
    with pytest.raises(InvalidRequest, match=f"'{name}' is not supported") as refusal:
        refuse_sampling(target(samples_at), parameters(effort, {name: 0.5}))
    assert (refusal.value.code, refusal.value.param) == ("unsupported_parameter", name)


@pytest.mark.parametrize("value", [1, 1.0])
@pytest.mark.parametrize("name", ["temperature", "top_p"])
def test_the_default_is_taken_and_not_sent(name: str, value: float) -> None:
    given = parameters(None, {name: value})
    refuse_sampling(target(NEVER), given)
    assert sent(NEVER, given) == parameters(None, {})


@pytest.mark.parametrize(
    ("samples_at", "effort"),
    [(None, "low"), (AT_NONE, "none"), (BY_ITSELF, "none"), (BY_ITSELF, None)],
)
@pytest.mark.parametrize("given", [{"temperature": 0.5}, {"temperature": 1, "top_p": 1}])
def test_a_model_that_does_not_reason_takes_them(
    samples_at: frozenset[str | None] | None, effort: str | None, given: dict[str, float]
) -> None:
    whole = parameters(effort, given)
    refuse_sampling(target(samples_at), whole)
    assert sent(samples_at, whole) == whole


@pytest.mark.parametrize(
    ("samples_at", "effort"),
    [(NEVER, None), (AT_NONE, "low"), (BY_ITSELF, "low")],
)
@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"temperature": 0.5}, ("temperature",)),
        ({"temperature": 1, "top_p": 0}, ("top_p",)),
        ({"temperature": 0.5, "top_p": 0.5}, ("temperature", "top_p")),
    ],
)
def test_a_fallback_that_reasons_answers_without_them_and_names_them(
    samples_at: frozenset[str | None],
    effort: str | None,
    given: dict[str, float],
    names: tuple[str, ...],
) -> None:
    request = made(samples_at, parameters(effort, given))
    assert request.parameters == parameters(effort, {})
    assert request.left_out == names
