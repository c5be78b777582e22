"""Requests as they go over the wire: sound ones, and what mutation makes of them."""

from __future__ import annotations

from hypothesis import strategies as st

BODY = b'{"model":"local/echo","input":"hello"}'
_methods = st.sampled_from(
    [b"GET", b"POST", b"DELETE", b"HEAD", b"PUT", b"OPTIONS", b"TRACE", b"CONNECT", b"get", b"X Y"]
)
_targets = st.sampled_from(
    [
        *(b"/v1/responses", b"/v1/responses/resp_1", b"/v1/responses/resp_1/cancel", b"/v1/models"),
        *(
            b"/v1/responses?include[]=x",
            b"/v1/responses/%00",
            b"/v1/responses/\xff",
            b"//v1/models",
        ),
        *(b"/healthz", b"*", b"http://gateway/v1/models", b"gateway:80", b"/v1/../metrics"),
        *(b"/v1/responses/" + b"a" * 8200, b"/v1/usage?from=%ff", b"", b"/ /"),
    ]
)
_versions = st.sampled_from([b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"HTTP/1.2", b"http/1.1", b""])
_fields = st.sampled_from(
    [
        *(b"Expect: 100-continue", b"Expect: x", b"Connection: close", b"Connection: Upgrade"),
        *(b"Upgrade: websocket", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__"),
        *(b"Content-Encoding: gzip", b"Content-Encoding: zstd", b"Content-Encoding: x"),
        *(b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked", b"TE: trailers"),
        *(b"Transfer-Encoding: identity", b"Content-Length: 5", b"Content-Length: -1"),
        *(b"Content-Length: 1e3", b"Content-Length: 99999999999999999999", b"Content-Length: \xb2"),
        *(b"X-Request-ID: a\x00", b"X-Request-ID: \xff", b"X_Under: 1", b"X-Folded: a\r\n b"),
        *(b"no colon", b": no name", b"X : y", b"X: y\nZ: w", b"X: " + b"a" * 9000, b"Host: other"),
        *(b"x-api-key: sk-other", b"Authorization: Basic eDp5", b"Authorization: \x00"),
        *(b"X-Forwarded-Proto: https", b"Forwarded: for=x", b"Cookie: a=b", b"Range: bytes=0-1"),
        *(b"Idempotency-Key: \xff", b"traceparent: x", b"Content-Type: text/plain"),
    ]
)
_chunks = st.sampled_from(
    [
        *(b"5\r\nhello\r\n", b"0\r\n\r\n", b"0\r\nX: y\r\n\r\n", b"5;a=b\r\nhello\r\n", b"x\r\n"),
        *(b"-1\r\n", b"5\r\nhel", b"5\r\nhelloXX", b"FFFFFFFFFFFFFFFFF\r\n", b"\r\n", b"0x5\r\n"),
        *(b" 5\r\nhello\r\n", b"5 ;\r\nhello\r\n", b"5\nhello\n", b"00000005\r\nhello\r\n"),
        b"%x\r\n%b\r\n" % (len(BODY), BODY),
    ]
)


def sound(key: str, path: bytes = b"/v1/responses", *fields: bytes) -> bytes:
    """Return a request that is answered with 200."""
    return head(key, b"POST", path, b"HTTP/1.1", b"Content-Length: %d" % len(BODY), *fields) + BODY


def head(key: str, method: bytes, target: bytes, version: bytes, *fields: bytes) -> bytes:
    """Return a head with the caller's key and these fields."""
    result = (
        b"%b %b %b" % (method, target, version),
        b"Host: gateway",
        b"Authorization: Bearer " + key.encode(),
        b"Content-Type: application/json",
        *fields,
    )
    return b"\r\n".join(result) + b"\r\n\r\n"


@st.composite
def exchanges(draw: st.DrawFn, key: str) -> bytes:
    """Return what a connection sends: one to three requests, sound, odd or broken."""
    return b"".join(draw(_request(key)) for _ in range(draw(st.integers(1, 3))))


@st.composite
def _request(draw: st.DrawFn, key: str) -> bytes:
    match draw(st.sampled_from(["sound", "odd", "chunks", "short", "bytes", "noise"])):
        case "sound":
            return sound(key)
        case "odd":
            first = draw(_methods), draw(_targets), draw(_versions)
            return head(key, *first, *draw(st.lists(_fields, max_size=3))) + draw(_body)
        case "chunks":
            fields = [b"Transfer-Encoding: chunked", *draw(st.lists(_fields, max_size=1))]
            result = head(key, b"POST", b"/v1/responses", b"HTTP/1.1", *fields)
            return result + b"".join(draw(st.lists(_chunks, max_size=5)))
        case "short":
            whole = sound(key)
            return whole[: draw(st.integers(0, len(whole)))]
        case "bytes":
            whole, at = sound(key), draw(st.integers(0, 150))
            return whole[:at] + draw(st.binary(max_size=4)) + whole[at + draw(st.integers(0, 4)) :]
        case _:
            return draw(st.binary(max_size=300))


_body = st.sampled_from([b"", BODY, b"hello", b"0\r\n\r\n", b"{"])
