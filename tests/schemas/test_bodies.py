"""From bytes to JSON: every oddity ends as a clean refusal (R12, R16)."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
import zstandard

from app.errors import InvalidRequest, RequestTooLarge, UnsupportedMediaType
from app.schemas.request.body import MAX_BODY_BYTES, inflate, parse_json
from app.schemas.request.create import CREATE_REQUEST
from tests.schemas.requests import verdict

KIBIBYTE = 1024
ODDITIES = {
    "nothing": b"",
    "blanks": b"  \n",
    "two values": b"{} {}",
    "a NUL after the value": b"{}\x00",
    "cut short": b'{"model": "m"',
    "a trailing comma": b'{"model": "m",}',
    "single quotes": b"{'model': 'm'}",
    "a comment": b"{} // hi",
    "NaN": b'{"temperature": NaN}',
    "infinity": b'{"temperature": -Infinity}',
    "a number beyond doubles": b'{"temperature": 1e999}',
    "an integer of 5000 digits": b'{"seed": ' + b"1" * 5000 + b"}",
    "a leading zero": b'{"seed": 01}',
    "half a surrogate pair, then a comma": b'{"input": "\\ud800",}',
    "halves without end": b'{"input": "' + b"\\ud800" * 10_001 + b'"}',
    "a bare control character": b'{"input": "\x00"}',
    "a byte that is no UTF-8": b'{"input": "\xff"}',
    "an overlong NUL": b'{"input": "\xc0\x80"}',
    "an encoded surrogate": b'{"input": "\xed\xa0\x80"}',
    "UTF-16": '{"input": ""}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "arrays without end": b"[" * 1_000_000,
    "objects without end": b'{"a":' * 1_000_000,
}


@pytest.mark.parametrize("raw", ODDITIES.values(), ids=ODDITIES)
def test_what_is_no_json_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidRequest, match=r"not JSON|is empty") as caught:
        parse_json(raw)
    assert (caught.value.code, caught.value.param) == ("invalid_json", None)


def test_of_repeated_keys_the_last_counts() -> None:
    request = CREATE_REQUEST.load(parse_json(b'{"input": "", "model": "a", "model": "b"}'))
    assert request.model == "b"


def test_an_integer_beyond_64_bits_is_out_of_bounds() -> None:
    raw = b'{"model": "m", "input": "", "seed": 36893488147419103232}'
    assert verdict(parse_json(raw)) == ("integer_above_max_value", "seed")


def test_an_escaped_nul_is_a_character_like_others() -> None:
    assert parse_json(b'"\\u0000"') == "\x00"


def test_surrogates_that_pair_are_one_character() -> None:
    assert parse_json(b'"\\ud83d\\ude00"') == "😀"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (rb"a\ud83d", "a\ufffd"),
        (rb"\uDE00b", "\ufffdb"),
        (rb"\ud83d\ud83d\ude00", "\ufffd😀"),
        (rb"\ud83d\n\u0041\udfff\\ud83d", "\ufffd\nA\ufffd\\ud83d"),
        (rb"\\\ud83d\\\\\ude00", "\\\ufffd\\\\\ufffd"),
    ],
)
def test_half_a_surrogate_pair_becomes_a_replacement_character(text: bytes, read: str) -> None:
    assert parse_json(b'{"' + text + b'": "' + text + b'"}') == {read: read}


def test_one_long_string_is_no_burden() -> None:
    raw = b'"' + b"A" * (MAX_BODY_BYTES - 2) + b'"'
    assert len(parse_json(raw)) == MAX_BODY_BYTES - 2


@pytest.mark.parametrize("encoding", ["", "identity", " Identity "])
def test_a_body_that_is_not_compressed_stays_as_it_is(encoding: str) -> None:
    assert inflate(b"{}", encoding, KIBIBYTE) == b"{}"


def raw_deflate(body: bytes) -> bytes:
    """Return a bare deflate stream, as some clients send under the name "deflate"."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


COMPRESSED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "GZIP": gzip.compress,
    "deflate": zlib.compress,
    "Deflate": raw_deflate,
    "zstd": zstandard.compress,
}


@pytest.mark.parametrize("encoding", COMPRESSED)
def test_a_compressed_body_is_inflated(encoding: str) -> None:
    assert inflate(COMPRESSED[encoding](b'{"a": 1}'), encoding, KIBIBYTE) == b'{"a": 1}'


@pytest.mark.parametrize("encoding", ["identity", *COMPRESSED])
def test_a_body_of_just_the_limit_is_taken(encoding: str) -> None:
    pack = COMPRESSED.get(encoding, bytes)
    assert len(inflate(pack(b" " * KIBIBYTE), encoding, KIBIBYTE)) == KIBIBYTE


@pytest.mark.parametrize("encoding", ["identity", *COMPRESSED])
def test_a_body_over_the_limit_is_refused(encoding: str) -> None:
    pack = COMPRESSED.get(encoding, bytes)
    with pytest.raises(RequestTooLarge):
        inflate(pack(b" " * (KIBIBYTE + 1)), encoding, KIBIBYTE)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_a_bomb_takes_no_more_memory_than_the_limit(encoding: str) -> None:
    bomb = COMPRESSED[encoding](b" " * 64 * KIBIBYTE * KIBIBYTE)
    tracemalloc.start()
    with pytest.raises(RequestTooLarge):
        inflate(bomb, encoding, KIBIBYTE * KIBIBYTE)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * KIBIBYTE * KIBIBYTE


@pytest.mark.parametrize("encoding", ["br", "compress", "gzip, gzip", "x" * 1000])
def test_other_encodings_are_refused(encoding: str) -> None:
    with pytest.raises(UnsupportedMediaType, match="gzip, deflate, zstd or none"):
        inflate(b"", encoding, KIBIBYTE)


WHOLE = gzip.compress(b'{"a": 1}')
BROKEN = {
    "nothing": b"",
    "no gzip at all": b"{}",
    "cut in its head": WHOLE[:5],
    "cut in its tail": WHOLE[:-4],
    "a wrong checksum": WHOLE[:-8] + bytes(8),
    "something behind it": WHOLE + b"x",
}


@pytest.mark.parametrize("raw", BROKEN.values(), ids=BROKEN)
def test_a_broken_compressed_body_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidRequest) as caught:
        inflate(raw, "gzip", KIBIBYTE)
    assert caught.value.status == 400


@pytest.mark.parametrize("raw", [b"", b"{}", zlib.compress(b"{}")[:-1], raw_deflate(b"{}")[:-1]])
def test_a_broken_deflate_stream_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidRequest):
        inflate(raw, "deflate", KIBIBYTE)


ZSTD = zstandard.compress(b'{"a": 1}' * 100)


@pytest.mark.parametrize(
    "raw",
    [b"", b"{}", ZSTD[:3], ZSTD[:-1], ZSTD + b"x", ZSTD[:10] + b"\xff" + ZSTD[11:]],
    ids=["nothing", "no zstd", "its beginning", "cut short", "something behind it", "damaged"],
)
def test_a_broken_zstd_stream_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidRequest) as caught:
        inflate(raw, "zstd", KIBIBYTE)
    assert caught.value.status == 400


def test_a_large_body_packed_in_one_step_is_taken() -> None:
    body = b" " * (MAX_BODY_BYTES - 1)
    assert len(inflate(zstandard.compress(body), "zstd", MAX_BODY_BYTES)) == len(body)
