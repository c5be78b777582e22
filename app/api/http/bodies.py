"""Request bodies: JSON by their Content-Type, bounded before and after decompression."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import Any

from app.api import context
from app.api.in_flight import Place
from app.api.turns.turn import turn_of
from app.domain.accounts.accounts import Caller
from app.domain.slices import MOMENT_S
from app.errors import (
    CallerGone,
    InvalidRequest,
    Overloaded,
    RequestTimeout,
    RequestTooLarge,
    UnsupportedMediaType,
)
from app.schemas.field import ReadContext
from app.schemas.request.body import MAX_BODY_BYTES, inflate, parse_json
from app.schemas.request.known_parts import SplitBody

_JSON = "application/json"
#: Idempotency-Key in the environ; a request with one needs the body's digest (C3).
IDEMPOTENCY_KEY = "HTTP_IDEMPOTENCY_KEY"
#: Bytes read from a body at once; a chunked body's memory is accounted for after each read.
_PIECE = 1024 * 1024
#: Bodies up to this size in bytes are not weighed: even a thousand of them take little memory.
_LIGHT = 4096
#: Bytes above which a body is parsed by one request at a time: parsing cannot be interrupted, and
#: MEASURED 14 MB of small objects take 0.3 s.
_LARGE = 512 * 1024
#: Seconds for which other requests wait while a body is read: about as long as parsing the
#: largest body below that threshold takes.
_TURN_S = 0.002
_TOO_LARGE = f"The body is larger than {MAX_BODY_BYTES // 1024**2} MiB: send less."


def read_context() -> ReadContext:
    """Return how to read a body in which the operator's policy for unknown keys applies (R21)."""
    policy = context.services().requests.unknown_parameters
    return ReadContext(refuses_unknown=policy == "refuse")


def json_body(current: context.CallContext) -> Any:
    """Return the parsed JSON of a request's body.

    Raises:
        UnsupportedMediaType: its Content-Type is not JSON (R17), or its encoding is not
            supported.
        RequestTooLarge: it is larger than the endpoint takes (R12).
        Unavailable: there is no room for the parsed body.
        RateLimited: its key holds more than its share (N17).
        InvalidRequest: it does not parse, or its chunks are malformed.
        RequestTimeout: no byte arrived for too long.
        CallerGone: the connection closed before the body's end.
    """
    environ = current.environ
    turn = turn_of(environ)
    if turn is not None:  # the connection has parsed it, to find its type
        _weigh(current, turn.memory_bytes)
        return turn.body
    if not _is_json(environ.get("CONTENT_TYPE", "")):
        raise UnsupportedMediaType(
            "The body must be JSON: send it with the header 'Content-Type: application/json', "
            "without which curl -d says that it is a form."
        )
    raw = _in_chunks(current) if "HTTP_TRANSFER_ENCODING" in environ else _whole(current)
    encoding = environ.get("HTTP_CONTENT_ENCODING", "identity")
    if len(raw) <= _LARGE and encoding == "identity":
        return _parsed(current, raw)
    with current.services.in_flight.parsing:
        let_others_run()
        body = inflate(raw, encoding, MAX_BODY_BYTES)
        del raw
        return _parsed(current, body)


def parse_message(
    services: context.Services, caller: Caller, place: Place | None, raw: bytes
) -> tuple[Any, int]:
    """Return the JSON of a caller's WebSocket message, and its memory in bytes.

    `place` has reserved room for a long message.

    Raises:
        Unavailable, RateLimited: there is no room for the parsed message.
        InvalidRequest: it does not parse.
    """
    if len(raw) <= _LIGHT:
        return parse_json(raw), len(raw)
    split = _split(services, caller, raw)
    memory = split.memory
    if place is not None:
        services.in_flight.weigh(place, memory)
    if len(raw) <= _LARGE:
        return split.parsed(), memory
    with services.in_flight.parsing:
        let_others_run()
        return split.parsed(), memory


def optional_json_body(current: context.CallContext) -> Any:
    """Return the parsed JSON of a request's body, or an empty object if it has no body.

    Raises the same errors as `json_body`.
    """
    has_body = current.body_bytes or "HTTP_TRANSFER_ENCODING" in current.environ
    return json_body(current) if has_body else {}


def let_others_run() -> None:
    """Yield to all waiting greenlets or threads, those of new connections included."""
    time.sleep(MOMENT_S)


def pacing(clock: Callable[[], float] = time.monotonic) -> Callable[[], None]:
    """Return a function that long work calls after each slice, to let others run when it is time.

    `clock` is like time.monotonic. MEASURED: a slice of plain items takes a quarter of a
    millisecond; a pause after each is 2 % of a request of 300 items, and a millisecond longer.
    """
    turn_began = clock()

    def pause() -> None:
        nonlocal turn_began
        if clock() - turn_began >= _TURN_S:
            let_others_run()
            turn_began = clock()

    return pause


def _parsed(current: context.CallContext, body: bytes) -> Any:
    """Return the parsed body, after reserving room for it."""
    if IDEMPOTENCY_KEY in current.environ:
        current.body_digest = hashlib.sha256(body).digest()
    if len(body) > _LIGHT:
        split = _split(current.services, current.caller, body)
        _weigh(current, split.memory)
        if len(body) > _LARGE:
            let_others_run()
        return split.parsed()
    return parse_json(body)


def _split(services: context.Services, caller: Caller, body: bytes) -> SplitBody:
    """Split a body into known and new parts; one with a content key has no known parts."""
    is_private = caller.content_key is not None
    return services.body_memory.split(caller.account, body, is_private=is_private)


def _weigh(current: context.CallContext, memory: int) -> None:
    if current.place is not None:
        current.services.in_flight.weigh(current.place, memory)


def _is_json(content_type: str) -> bool:
    if content_type == _JSON:
        return True
    kind = content_type.partition(";")[0].strip().lower()
    return kind == _JSON or (kind.startswith("application/") and kind.endswith("+json"))


def _whole(current: context.CallContext) -> bytes:
    """Read a body with a Content-Length; MEASURED: Werkzeug needs 20 calls more."""
    pieces, left = [], current.body_bytes
    while left > 0:
        piece = _read(current.environ, left)
        if not piece:
            raise CallerGone(
                "The connection ended before the body did: fewer bytes came than its "
                "Content-Length says."
            )
        pieces.append(piece)
        left -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _in_chunks(current: context.CallContext) -> bytes:
    """Read a chunked body, accounting for the bytes received so far."""
    # gunicorn accepts a coding beneath `chunked`, and does not decode it (RFC 9112, 6.1).
    if current.environ["HTTP_TRANSFER_ENCODING"].strip().lower() != "chunked":
        raise UnsupportedMediaType(
            "The body's Transfer-Encoding is not read here: send 'chunked' alone, and a compressed "
            "body with a Content-Encoding."
        )
    pieces, size = [], 0
    while piece := _read(current.environ, _PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > MAX_BODY_BYTES:
            raise RequestTooLarge(_TOO_LARGE)
        _weigh(current, size)
    return b"".join(pieces)


def _read(environ: dict[str, Any], size: int) -> bytes:
    try:
        piece: bytes = environ["wsgi.input"].read(size)
    except TimeoutError:
        raise RequestTimeout(
            "The body did not arrive in time: send the request again.",
            code="request_timeout",
        ) from None
    except (OSError, ValueError):
        raise CallerGone("The connection ended before the body did.") from None
    except MemoryError:  # ours
        raise Overloaded from None
    except Exception as fault:  # noqa: BLE001 - a malformed body: each server raises its own
        # Only the exception's class: its message may repeat what was sent.
        raise InvalidRequest(
            f"The body's chunks are not HTTP's chunked transfer coding ({type(fault).__name__})."
        ) from None
    return piece
