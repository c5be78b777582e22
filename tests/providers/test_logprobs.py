"""Whatever a server leaves out of its log probabilities, a response shows whole ones."""

from __future__ import annotations

import math
from typing import Any

import pytest

from app.providers.reading.fields import OptionalFields
from app.providers.reading.logprobs import logprobs as read


def logprobs(shown: Any) -> tuple[dict[str, Any], ...]:
    return read({"content": shown}, "content", OptionalFields())


def test_what_a_server_leaves_out_is_filled_in() -> None:
    (token,) = logprobs([{"token": "né", "logprob": -0.5}])
    assert token == {"token": "né", "logprob": -0.5, "bytes": [110, 195, 169], "top_logprobs": []}


def test_other_tokens_are_filled_in_too() -> None:
    (token,) = logprobs(
        [{"token": "a", "logprob": 0, "top_logprobs": [{"token": "b", "logprob": -1}, {"t": 1}]}]
    )
    assert token["top_logprobs"] == [{"token": "b", "logprob": -1, "bytes": [98]}]


def test_the_bytes_that_a_server_gives_are_kept() -> None:
    (token,) = logprobs([{"token": "\ufffd", "logprob": -1.0, "bytes": [195]}])
    assert token["bytes"] == [195]


@pytest.mark.parametrize(
    "odd",
    [None, "x", 7, {}, [None], [{}], [{"token": 1, "logprob": 0}], [{"token": "a"}],
     [{"token": "a", "logprob": "0"}], [{"token": "a", "logprob": True}]],
    ids=repr,
)  # fmt: skip
def test_what_is_no_token_with_a_number_is_left_out(odd: Any) -> None:
    assert logprobs(odd) == ()


@pytest.mark.parametrize("number", [-math.inf, math.nan, math.inf])
def test_a_number_that_json_has_not_becomes_openais(number: float) -> None:
    (token,) = logprobs([{"token": "a", "logprob": number, "bytes": [1, 300]}])
    assert (token["logprob"], token["bytes"]) == (-9999.0, [97])


def test_none_are_read_where_they_are_not_included() -> None:
    noted: list[str] = []
    optional = OptionalFields(lambda kind, *_: noted.append(kind), shows_logprobs=False)
    assert read({"content": [{"token": "a", "logprob": 0}, 5]}, "content", optional) == ()
    assert noted == []
