"""Whole or streamed, in whatever pieces: one output of a model is one response (U13)."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.providers.registry import FORMATS
from app.settings import Api
from tests.contract.recordings import Telling, outcome, play
from tests.fuzz.outputs import outputs, streamed, whole

THOROUGHLY = settings(
    max_examples=max(60, settings().max_examples // 5),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def shown(telling: Telling) -> Any:
    """Return what an answer amounts to, with its calls' ids where the server gave them."""
    assert telling.failure is None
    return orjson.dumps(outcome(telling), option=orjson.OPT_SORT_KEYS)


@pytest.mark.parametrize("api", FORMATS)
@THOROUGHLY
@given(st.data())
def test_an_output_is_the_same_response_in_every_form(api: Api, data: st.DataObject) -> None:
    output = data.draw(outputs(api))
    reads = streamed(data.draw, api, output)
    at_once = shown(play(api, [whole(api, output)], stream=False))
    assert shown(play(api, reads, stream=True)) == at_once
    assert shown(play(api, reads, stream=True, relayed=True)) == at_once
    assert shown(play(api, reads, stream=False, whole=False)) == at_once
