"""Request bodies: JSON by their Content-Type, bounded before and after inflation."""

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
from app.schemas.request.body import MAX_BODY_BYTES, inflate, parse_json
from app.schemas.request.known_parts import SplitBody

_JSON = "application/json"
#: Where a request has its Idempotency-Key, which wants the body's digest (C3).
IDEMPOTENCY_KEY = "HTTP_IDEMPOTENCY_KEY"
#: How much of a body is read at once; one in chunks is accounted for as often.
_PIECE = 1024 * 1024
#: What a body this long becomes is not looked at: a thousand of them are small at their worst.
_LIGHT = 4096
#: Larger ones are parsed by one request at a time: it cannot be interrupted, and MEASURED 14 MB of
#: small objects take 0.3 s.
_LARGE = 512 * 1024
#: For so many seconds, about as long as it takes to parse what is not that large, others wait
#: while a body is read.
_TURN_S = 0.002
_TOO_LARGE = f"The body is larger than {MAX_BODY_BYTES // 1024**2} MiB: send less."


def json_body(current: context.CallContext) -> Any:
    """Return the JSON of a request's body.

    Raises:
        UnsupportedMediaType: it is not JSON by its own word (R17), or in an encoding that
            we do not read.
        RequestTooLarge: it is larger than the endpoint takes (R12).
        Unavailable: there is no room for what it becomes.
        RateLimited: its key holds more than its share (N17).
        InvalidRequest: it does not parse, or its chunks are broken.
        RequestTimeout: it was silent for too long.
        CallerGone: it ended before its end.
    """
    environ = current.environ
    turn = turn_of(environ)
    if turn is not None:  # it is parsed already: the connection had to know what it is
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
    """Return the JSON of a caller's message on a WebSocket, and what it takes.

    `place` has room for it, where it is long.

    Raises:
        Unavailable, RateLimited: there is no room for what it becomes.
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
    """Return the JSON of a request's body, that of an empty object where there is no body.

    Raises what `json_body` does.
    """
    has_body = current.body_bytes or "HTTP_TRANSFER_ENCODING" in current.environ
    return json_body(current) if has_body else {}


def let_others_run() -> None:
    """Have everybody who waits go first, callers that are just coming among them."""
    time.sleep(MOMENT_S)


def pacing(clock: Callable[[], float] = time.monotonic) -> Callable[[], None]:
    """Return what long work calls after each slice: it lets others run once they waited a while.

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
    """Return what a body says, once there is room for it."""
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
    """Return a body apart from what its account has sent before: of an encrypted one, nothing."""
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
    """Return a body that says how long it is; MEASURED: by Werkzeug it takes 20 calls more."""
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
    """Return a body that does not say how long it is; what has come of it is accounted for."""
    # gunicorn takes a coding beneath the chunks, and leaves it as it is (RFC 9112, section 6.1).
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
    except Exception as fault:  # noqa: BLE001 - a broken body, in the words of whatever server
        # Only the kind of fault: its words may repeat what was sent.
        raise InvalidRequest(
            f"The body's chunks are not HTTP's chunked transfer coding ({type(fault).__name__})."
        ) from None
    return piece
