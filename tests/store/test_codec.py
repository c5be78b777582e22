"""Bytes as they are stored."""

from __future__ import annotations

import base64
import secrets
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.store.codec import THRESHOLD_BYTES, Codec

CODEC = Codec()

#: What an earlier release stored. It must be readable for ever: never change it.
STORED = bytes.fromhex(
    "0228b52ffd20825d0100a031476f6f64206d6f726e696e672c202e227d5d7d07005d445084a561620f7adb428c7910"
    "74eebb182f08"
)
ORIGINAL = (
    b'{"id":"msg_1","type":"message","status":"completed","role":"user",'
    b'"content":[{"type":"input_text","text":"Good morning, store."}]}'
)


@given(data=st.binary(max_size=3000))
def test_bytes_come_back_as_they_were(data: bytes) -> None:
    assert CODEC.unpack(CODEC.pack(data)) == data


def test_what_was_stored_before_can_still_be_read() -> None:
    assert CODEC.unpack(STORED) == ORIGINAL


def test_text_takes_less_room() -> None:
    text = b'{"id":"msg_1","type":"message","status":"completed","role":"user","content":[]}'
    assert len(CODEC.pack(text)) < len(text) / 2


@pytest.mark.parametrize("size", [0, 1, THRESHOLD_BYTES - 1, 10_000, 2_000_000])
def test_what_cannot_be_made_smaller_grows_by_a_byte(size: int) -> None:
    assert len(CODEC.pack(secrets.token_bytes(size))) == size + 1


@pytest.mark.parametrize("stored", [b"", b"\xff{}"])
def test_another_releases_version_is_refused(stored: bytes) -> None:
    with pytest.raises(ValueError, match="another release"):
        CODEC.unpack(stored)


def test_many_threads_can_pack_at_once() -> None:
    texts = [f'{{"text":"{number * "ab"}"}}'.encode() for number in range(500)]
    with ThreadPoolExecutor(8) as threads:
        packed = list(threads.map(CODEC.pack, texts))
        assert list(threads.map(CODEC.unpack, packed)) == texts


def test_a_picture_is_there_twice_at_most_while_it_is_packed() -> None:
    CODEC.pack(bytes(1000))  # what is made once
    picture = secrets.token_bytes(3_000_000)
    tracemalloc.start()
    try:
        packed = CODEC.pack(base64.b64encode(picture))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert CODEC.unpack(packed) == base64.b64encode(picture)
    assert most < 2.1 * 4_000_000
