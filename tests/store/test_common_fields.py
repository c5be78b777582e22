"""Common fields that were stored before are stored as they would be for the first time."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from app.domain.accounts.content_key import ContentKey
from app.domain.turns.turn import Turn
from app.store.codec import Codec
from app.store.responses.packed.common_fields import LONGEST_BYTES, MOST, SPAN_S, CommonFields
from tests.store.turns import ACCOUNT, STRANGER, turn

KEY = ContentKey(ACCOUNT, bytes(32))
TURN = turn("hello")
TURNS = [TURN, replace(TURN, account=STRANGER), replace(TURN, key=KEY)]
FIELDS = [b'{"tools":[%d]}' % number * 40 for number in range(3)] + [bytes(LONGEST_BYTES + 1)]


class CountingCodec(Codec):
    """Counts what it packs."""

    packed = 0

    def pieces(self, *given: object) -> list[bytes]:
        self.packed += 1
        return super().pieces(*given)  # type: ignore[arg-type] # as they were given


@given(st.lists(st.tuples(st.sampled_from(FIELDS), st.sampled_from(TURNS)), max_size=12))
def test_what_is_known_is_what_would_be_made(stored: list[tuple[bytes, Turn]]) -> None:
    experienced = CommonFields(Codec())
    for common, each in stored:
        digest, packed = experienced.stored(common, each)
        fresh_digest, fresh = CommonFields(Codec()).stored(common, each)
        assert digest == fresh_digest
        if each.key is None:  # else no two are alike
            assert packed == fresh


def test_an_account_packs_its_own_once() -> None:
    codec = CountingCodec()
    fields = CommonFields(codec)
    for each in TURNS[:2] * 3:
        fields.stored(FIELDS[0], each)
    assert codec.packed == 2


def test_what_is_sealed_or_long_is_packed_each_time() -> None:
    codec = CountingCodec()
    fields = CommonFields(codec)
    for _ in range(2):
        fields.stored(FIELDS[0], replace(TURN, key=KEY))
        fields.stored(FIELDS[-1], TURN)
    assert codec.packed == 4


def test_the_oldest_make_room() -> None:
    codec = CountingCodec()
    fields = CommonFields(codec)
    for number in (*range(MOST + 1), MOST, 0):
        fields.stored(b"%d" % number * 100, TURN)
    assert codec.packed == MOST + 2


def test_none_is_known_for_long() -> None:
    now, codec = [1.0], CountingCodec()
    fields = CommonFields(codec, lambda: now[0])
    for seconds in (0, SPAN_S, 1, SPAN_S):
        now[0] += seconds
        fields.stored(FIELDS[0], TURN)
    assert codec.packed == 2
