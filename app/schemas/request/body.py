"""Request bodies: from bytes to JSON. Any input either parses or raises a documented error."""

from __future__ import annotations

import re
import zlib
from itertools import islice
from typing import Any

import orjson
from zstandard import ZstdDecompressor, ZstdError

from app.errors import InvalidRequest, RequestTooLarge, UnsupportedMediaType

_GZIP = 16 + zlib.MAX_WBITS
_RAW_DEFLATE = -zlib.MAX_WBITS
_MEBIBYTE = 1024 * 1024
#: Maximum size of a body in bytes, files included, before and after decompression (R12).
MAX_BODY_BYTES = 32 * _MEBIBYTE
#: Maximum window of a zstd stream: RFC 9659 allows clients 8 MiB, but what was compressed in one
#: step has a window of its whole size.
_WINDOW = MAX_BODY_BYTES
#: Matches the escape of a surrogate pair, or of half of one.
_SURROGATES = re.compile(
    rb"\\u(?:[dD][89aAbB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?P<half>[dD][89a-fA-F][0-9a-fA-F]{2}))"
)
#: Maximum number of halves that are replaced: more are not the result of cut texts.
_MOST_HALVES = 10_000
#: Remedies, by a part of the parser's message.
_REMEDIES = (
    ("trailing comma", ": leave that comma out"),
    ("expected a string key", ": keys and texts stand in double quotes"),
    ("unexpected end", ": it is cut short, perhaps by a shell's quotes"),
    ("byte order mark", ": save it as UTF-8 without one"),
    ("not valid UTF-8", ": send it in UTF-8"),
    ("unexpected content after", ": send one object alone"),
    ("expected a JSON value", ": it must be an object, with texts in double quotes"),
)


def parse_json(raw: bytes) -> Any:
    """Return the parsed value of a JSON body.

    It must be RFC 8259's JSON in UTF-8: NaN, infinities, numbers beyond a double, a byte order
    mark, bare control characters and more than about a thousand levels of nesting are refused.
    If an object repeats a key, the last one counts. An integer beyond 64 bits becomes a float,
    so that integer fields refuse it. The escape of half a surrogate pair becomes U+FFFD: JavaScript
    programs that cut a text in the middle of an emoji send one.

    Raises:
        InvalidRequest: code invalid_json.
    """
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as fault:
        if "surrogate" not in fault.msg:
            raise _not_json(raw, fault) from None
    try:
        return orjson.loads(_without_halves(raw))
    except orjson.JSONDecodeError as fault:
        raise _not_json(raw, fault) from None


def _without_halves(raw: bytes) -> bytearray:
    """Return the JSON with U+FFFD in place of up to _MOST_HALVES unpaired surrogate escapes."""
    text = bytearray(raw)
    # An escaped backslash starts no other escape; NUL never occurs in JSON.
    searched = raw.replace(rb"\\", b"\0\0")
    halves = (match for match in _SURROGATES.finditer(searched) if match["half"])
    for match in islice(halves, _MOST_HALVES):
        text[match.start() : match.end()] = rb"\ufffd"
    return text


def _not_json(raw: bytes, fault: orjson.JSONDecodeError) -> InvalidRequest:
    """Return the error of a malformed body: position, reason, and the likely remedy."""
    if not raw.strip():
        what = 'The body is empty: send a JSON object such as {"model": "...", "input": "..."}.'
        return InvalidRequest(what, code="invalid_json")
    where = f"line {fault.lineno}, column {fault.colno}"
    remedy = next((each for words, each in _REMEDIES if words in fault.msg), "")
    return InvalidRequest(
        f"The body is not JSON: {fault.msg} at {where}{remedy}.", code="invalid_json"
    )


def inflate(raw: bytes, encoding: str, limit: int) -> bytes:
    """Return a body decoded from `encoding` (a Content-Encoding), of at most `limit` bytes.

    Memory stays within the limit, whatever the decoded size would be (R16).

    Raises:
        UnsupportedMediaType: the encoding is not supported.
        RequestTooLarge: there are more bytes than `limit`.
        InvalidRequest: the bytes are not in that encoding, or were cut short.
    """
    match encoding.strip().lower():
        case "" | "identity":
            body = raw
        case "gzip" | "x-gzip":
            body = _inflated(raw, _GZIP, limit)
        case "deflate":
            body = _inflated(raw, _deflate_window(raw), limit)
        case "zstd":
            body = _unpacked_zstd(raw, limit)
        case _:
            raise UnsupportedMediaType(
                "The body's Content-Encoding is not read here: use gzip, deflate, zstd or none."
            )
    if len(body) > limit:
        raise RequestTooLarge(f"The body is larger than {limit // _MEBIBYTE} MiB: send less.")
    return body


def _deflate_window(raw: bytes) -> int:
    """Tell zlib's format, which "deflate" means, from the raw stream that some clients send."""
    wrapped = len(raw) >= 2 and raw[0] & 0x0F == zlib.DEFLATED and (raw[0] << 8 | raw[1]) % 31 == 0
    return zlib.MAX_WBITS if wrapped else _RAW_DEFLATE


def _inflated(raw: bytes, window: int, limit: int) -> bytes:
    stream = zlib.decompressobj(window)
    try:
        body = stream.decompress(raw, limit + 1)
    except zlib.error:
        raise _wrong_encoding() from None
    if len(body) <= limit and (not stream.eof or stream.unused_data):
        raise _not_whole()
    return body


def _unpacked_zstd(raw: bytes, limit: int) -> bytes:
    """Decompress zstd twice: first to learn the size, then, if allowed, all of it at once."""
    unpacker = ZstdDecompressor(max_window_size=_WINDOW)
    try:
        body = unpacker.stream_reader(raw).read(limit + 1)
        if len(body) > limit:
            return body
        stream = unpacker.decompressobj()
        body = stream.decompress(raw)
    except ZstdError:
        raise _wrong_encoding() from None
    if not stream.eof or stream.unused_data:
        raise _not_whole()
    return body


def _wrong_encoding() -> InvalidRequest:
    return InvalidRequest(
        "The body is not in the encoding that its Content-Encoding names.", code="invalid_json"
    )


def _not_whole() -> InvalidRequest:
    return InvalidRequest(
        "The compressed body is cut short, or followed by other bytes.", code="invalid_json"
    )
