"""JSON that is nearly JSON."""

from __future__ import annotations

from typing import Any

import pytest

from app.providers.reading.json_text import IMPOSSIBLE, dumps, loads


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b'{"a": NaN, "b": Infinity}', {"a": None, "b": None}),
        (b'{"logprob": -Infinity}', {"logprob": IMPOSSIBLE}),
        (b"[1e400, 18446744073709551616]", [None, 2.0**64]),
        (b"[" + b"9" * 5000 + b", NaN]", [None, None]),
        (rb'"\ud83d\ude00"', "\U0001f600"),
        (rb'["\ud83d", "a\ude00"]', ["\ufffd", "a\ufffd"]),
        (rb'{"\ud83d": 1}', {"\ufffd": 1}),
        (b'"\xff"', "\ufffd"),
        (b'"\xed\xa0\xbd\xed\xb8\x80"', "\U0001f600"),
        (b'"a\nb"', "a\nb"),
    ],
)
def test_what_is_nearly_json_is_read(written: bytes, value: Any) -> None:
    assert loads(written) == value


@pytest.mark.parametrize("written", [b"", b"{", b"nope", b"[1", b"[" * 100_000, b"{}{}"])
def test_what_is_not_even_nearly_json_is_refused(written: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        loads(written)


def test_what_is_read_can_be_written_however_deep() -> None:
    deep = loads(b"[" * 900 + b"]" * 900)
    assert dumps(deep) == "[" * 900 + "]" * 900


def test_what_is_long_is_not_read_the_slow_way() -> None:
    with pytest.raises(ValueError, match=r"."):
        loads(b"[NaN" + b",1" * 300_000 + b"]")
