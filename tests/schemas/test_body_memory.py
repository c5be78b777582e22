"""What a body will take is known before it is parsed, for every shape of body."""

from __future__ import annotations

import tracemalloc

import pytest

from app.errors import RequestTooLarge
from app.schemas.request.body import MAX_BODY_BYTES, parse_json
from app.schemas.request.json_body.memory import _WEIGHTS, _structure, memory_of

MEBIBYTE = 1024 * 1024
MANY = 20_000


def listed(*values: bytes) -> bytes:
    return b"[" + b",".join(values) + b"]"


SHAPES = {
    "items": listed(*[b'{"role":"user","content":"Hi"}'] * MANY),
    "empty objects": listed(*[b"{}"] * MANY),
    "empty arrays": listed(*[b"[]"] * MANY),
    "small objects": listed(*[b'{"a":1}'] * MANY),
    "objects of many kinds": listed(*[b'{"%x":1}' % number for number in range(MANY)]),
    "one large object": b"{%b}" % b",".join(b'"%x":1' % number for number in range(MANY)),
    "deep arrays": listed(*[b"[" * 900 + b"]" * 900] * 20),
    "deep objects": listed(*[b'{"a":' * 900 + b"1" + b"}" * 900] * 20),
    "small integers": listed(*[b"1"] * MANY),
    "integers": listed(*[b"%d" % (10**15 + number) for number in range(MANY)]),
    "decimals": listed(*[b"1.5"] * MANY),
    "short strings": listed(*[b'"%x"' % number for number in range(MANY)]),
    "strings of quotes": listed(*[rb'"\"\"\"\""'] * MANY),
    "strings of backslashes": listed(*[rb'"\\"'] * MANY),
    "plain text": b'"%b"' % (b"a" * MEBIBYTE),
    "escaped text": b'"%b"' % (rb"\n" * MEBIBYTE),
    "text with one wide character": b'"%b"' % (b"a" * MEBIBYTE + "😀".encode()),
    "text with one wide escape": b'"%b"' % (b"a" * MEBIBYTE + rb"\ud83d\ude00"),
    "short text with one wide escape": b'"%b"' % (b"a" * 1000 + rb"\ud83d\ude00"),
}


@pytest.mark.parametrize("raw", SHAPES.values(), ids=SHAPES)
def test_a_body_takes_no_more_than_was_said(raw: bytes) -> None:
    tracemalloc.start()
    try:
        value = parse_json(raw)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert value
    assert taken <= memory_of(raw)


@pytest.mark.parametrize(
    "text",
    ["data:image/png;base64," + "A" * 20 * MEBIBYTE, '{\\"a\\": [1]}' * MEBIBYTE],
    ids=["an image", "JSON in a string"],
)
def test_one_long_string_takes_no_more_than_twice_its_length(text: str) -> None:
    raw = b'{"input":[{"role":"user","content":"%b"}]}' % text.encode()
    assert memory_of(raw) < 2 * len(raw) + 10_000


def test_an_image_is_not_taken_for_wide_because_a_text_beside_it_is() -> None:
    raw = b'["%b", "%b"]' % (b"A" * 20 * MEBIBYTE, "é😀".encode())
    assert memory_of(raw) < 2 * len(raw) + 10_000


@pytest.mark.parametrize("value", [b"[]", b"{}", b'"ab"', b"1.5"])
def test_a_body_of_nothing_but_small_values_is_refused(value: bytes) -> None:
    many = (MAX_BODY_BYTES - 2) // (len(value) + 1)
    raw = b"[" + (value + b",") * (many - 1) + value + b"]"
    with pytest.raises(RequestTooLarge):
        memory_of(raw)


@pytest.mark.parametrize("gap", [0, 1, 65_535, 65_536, 1_200_000])
def test_what_has_a_weight_is_found_wherever_it_stands(gap: int) -> None:
    weighty = b"".join(_WEIGHTS)
    raw = (b"a" * gap + weighty) * 3 + b"z" * gap
    assert _structure(raw) == weighty * 3
