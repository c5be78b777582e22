"""No bytes make the reading of bodies do anything but read or refuse."""

from __future__ import annotations

import contextlib
import gzip
import zlib
from collections.abc import Callable
from typing import Any

import orjson
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import InvalidRequest
from app.schemas.request.body import inflate, parse_json
from app.schemas.request.create import CREATE_REQUEST
from tests.fuzz.bodies import broken, valid_bodies

LIMIT = 4096
THOROUGHLY = settings(max_examples=max(100, settings().max_examples), deadline=None)
PACKERS: tuple[Callable[[bytes], bytes], ...] = (
    lambda body: gzip.compress(body, mtime=0),
    lambda body: zlib.compress(body),
    lambda body: zstandard.compress(body),
)
encodings = st.sampled_from(["", "identity", "gzip", "deflate", "zstd", "br"])


@THOROUGHLY
@given(st.data(), valid_bodies)
def test_broken_json_is_read_or_refused(data: st.DataObject, body: dict[str, Any]) -> None:
    raw = data.draw(broken(orjson.dumps(body)))
    with contextlib.suppress(InvalidRequest):
        CREATE_REQUEST.load(parse_json(raw))


@THOROUGHLY
@given(st.data(), st.binary(max_size=2 * LIMIT), st.sampled_from(PACKERS))
def test_a_broken_compressed_body_is_read_within_the_limit_or_refused(
    data: st.DataObject, body: bytes, pack: Callable[[bytes], bytes]
) -> None:
    raw = data.draw(broken(pack(body)))
    with contextlib.suppress(InvalidRequest):
        assert len(inflate(raw, data.draw(encodings), LIMIT)) <= LIMIT
