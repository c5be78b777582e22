"""Records that are sealed with a caller's key, and answers that wait on disk for Redis (C6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from app.domain.accounts.content_key import ContentKey
from app.domain.turns.turn import Turn
from app.errors import NotFound
from app.store.codec import Codec
from app.store.encryption import SEALED, Seal, SealedRecord, decrypted, encrypted, seal_of
from app.store.responses.redis import RedisStore
from app.store.spool.files import Spool
from tests.redis_plaintext import found_in
from tests.store.spools import FlakyStore, Time, delivery
from tests.store.turns import ACCOUNT, STRANGER, continued, first_id, next_id, rich, saved, turn

KEY, OTHER = (ContentKey.of(ACCOUNT, bytes([each]) * 32) for each in (1, 2))
WORD = "markerword"


def keyed(made: Turn) -> Turn:
    return replace(made, key=KEY)


def test_what_was_sealed_opens_and_is_not_readable() -> None:
    codec, seal = Codec(), seal_of(KEY, first_id(), b"items")
    packed = codec.pack(b"markerword " * 100, seal)
    assert codec.unpack(packed, seal) == b"markerword " * 100
    assert packed[:1] == SEALED
    assert b"markerword" not in packed
    assert len(packed) < 200  # compressed before


def test_no_two_records_are_sealed_alike() -> None:
    codec, seal = Codec(), seal_of(KEY, first_id(), b"items")
    assert len({codec.pack(b"the same", seal) for _ in range(100)}) == 100


def test_a_record_that_is_moved_does_not_open() -> None:
    own = first_id()
    record = Codec().pack(b"x", seal_of(KEY, own, b"items"))
    mine = Seal(KEY, own.removeprefix("resp_"), b"items")
    moved = [
        replace(mine, scope=next_id(own).removeprefix("resp_")),  # to a response beside it
        replace(mine, scope=first_id()[5:21]),  # to another conversation
        replace(mine, part=b"rest"),  # to another place
        replace(mine, key=ContentKey.of(STRANGER, bytes([1]) * 32)),  # to another account
        replace(mine, key=replace(KEY, account=STRANGER)),
        replace(mine, key=OTHER),
    ]
    assert Codec().unpack(record, mine) == b"x"
    for each in moved:
        with pytest.raises(SealedRecord):
            Codec().unpack(record, each)


def test_a_record_that_is_renamed_or_altered_does_not_open() -> None:
    own, other = first_id(), first_id()
    record = Codec().pack(b"x", seal_of(KEY, own, b"items"))
    renamed = SEALED + bytes.fromhex(other.removeprefix("resp_")) + record[25:]
    with pytest.raises(SealedRecord):
        Codec().unpack(renamed, seal_of(KEY, other, b"items"))
    for at in range(1, len(record)):
        altered = record[:at] + bytes([record[at] ^ 1]) + record[at + 1 :]
        with pytest.raises(SealedRecord):
            Codec().unpack(altered, seal_of(KEY, own, b"items"))


def test_a_record_is_not_read_without_a_seal() -> None:
    record = Codec().pack(b"x", seal_of(KEY, first_id(), b"items"))
    with pytest.raises(SealedRecord):
        Codec().unpack(record)


def test_what_is_encrypted_is_bound_to_its_place() -> None:
    blob = encrypted(b"x", bytes(32), b"here")
    assert decrypted(blob, bytes(32), b"here") == b"x"
    assert decrypted(blob, bytes(32), b"there") is None
    assert decrypted(b"short", bytes(32)) is None


def test_a_key_says_nothing_of_itself() -> None:
    assert repr(KEY) == "ContentKey(account='acme')"
    assert "secret" not in repr(keyed(turn())).replace("'secret'", "")


@pytest.fixture
def redis(own_redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(own_redis_url) as client:
        client.flushdb()
        yield client


@pytest.fixture
def store(redis: Redis) -> RedisStore:
    return RedisStore(redis, "rg:")


def test_a_turn_with_everything_comes_back_as_it_was(store: RedisStore) -> None:
    made = replace(rich(), key=KEY, cuts=b"\x03\x04")
    store.save(made)
    assert store.get(ACCOUNT, made.response.id, KEY) == replace(made, cuts=b"")
    assert store.stream_cuts(ACCOUNT, made.response.id, KEY) == b"\x03\x04"
    for key in (None, OTHER):
        for ask in (store.get, store.stream_cuts, store.context, store.delete):
            with pytest.raises(NotFound):
                ask(ACCOUNT, made.response.id, key)


def test_an_entry_that_is_exchanged_for_anothers_does_not_open(
    store: RedisStore, redis: Redis
) -> None:
    first, second = keyed(turn("one")), keyed(turn("two"))
    for each in (first, second):
        store.save(each)
    first_log, second_log = (f"rg:{{{each.response.id[5:21]}}}:0" for each in (first, second))
    entry: Any = redis.lindex(second_log, 0)
    redis.lset(first_log, 0, entry)
    with pytest.raises(SealedRecord):
        store.get(ACCOUNT, first.response.id, KEY)
    with pytest.raises(SealedRecord):
        store.context(ACCOUNT, first.response.id, KEY)


def test_what_turns_have_in_common_is_stored_once_and_sealed(
    store: RedisStore, redis: Redis
) -> None:
    echo = {**rich().response.echo, "instructions": f"{WORD} " * 100}
    parent = keyed(turn("one", echo=echo))
    store.save(parent)
    position = store.context(ACCOUNT, parent.response.id, KEY).position
    for number in range(3):
        made = turn(
            f"{number}", response_id=next_id(parent.response.id), parent=position, echo=echo
        )
        store.save(keyed(made))
        assert store.get(ACCOUNT, made.response.id, KEY).response.echo == echo
    common: Any = redis.hgetall(f"rg:{{{parent.response.id[5:21]}}}:common")
    assert len([name for name in common if not name.startswith(b"#")]) == 1
    assert found_in(redis, [WORD.encode()]) == {}


def test_plain_turns_before_it_are_read_with_a_key(store: RedisStore) -> None:
    plain = saved(store, "one")
    position = store.context(ACCOUNT, plain.response.id, KEY).position
    made = keyed(turn("two", response_id=next_id(plain.response.id), parent=position))
    store.save(made)
    items = store.context(ACCOUNT, made.response.id, KEY).items
    assert len(items) == 4
    assert continued(store, plain, "beside")  # and another branch without


def test_an_answer_waits_on_disk_encrypted_and_is_delivered_without_its_key(
    store: RedisStore, redis: Redis, tmp_path: Path
) -> None:
    made = replace(rich(), key=KEY, cuts=b"\x05\x06")
    spool, word = Spool(tmp_path), b"somebody"
    spool.put(made)
    spool.put(rich())
    sealed, plain = sorted(
        (path.read_bytes() for path in tmp_path.iterdir()), key=lambda data: b"packed" not in data
    )
    assert word not in sealed
    assert b"rs_of_the_client" not in sealed
    assert b"packed" not in plain
    packed = spool.take(made.response.id)
    assert packed is not None
    assert not isinstance(packed, Turn)
    assert spool.opened(packed, KEY) == made
    assert spool.opened(packed, OTHER) is None
    assert store.keep(packed)
    assert store.get(ACCOUNT, made.response.id, KEY) == replace(made, cuts=b"")
    assert store.stream_cuts(ACCOUNT, made.response.id, KEY) == b"\x05\x06"
    assert store.items(ACCOUNT, ["rs_of_the_client"], KEY)
    assert store.items(ACCOUNT, ["rs_of_the_client"]) == {}


def test_an_answer_on_disk_is_found_with_its_key_alone(tmp_path: Path) -> None:
    flaky = FlakyStore()
    waiting = delivery(flaky, tmp_path, Time())
    made = keyed(turn())
    waiting.folders.own().put(made)
    assert waiting.find(ACCOUNT, made.response.id, KEY) == made
    for key in (None, OTHER):
        assert waiting.find(ACCOUNT, made.response.id, key) is None
    assert waiting.find(STRANGER, made.response.id, KEY) is None
