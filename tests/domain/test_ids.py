"""Ids: nobody can guess them, no two are the same, and each tells where it belongs."""

from __future__ import annotations

import pytest

from app.domain.ids import first_id, home_of, is_response_id, item_minter, new_id, tag_of


def test_the_first_id_of_a_conversation_has_a_tag_that_the_next_ones_share() -> None:
    first = first_id()
    tag = tag_of(first)
    assert is_response_id(first)
    assert tag is not None
    assert tag_of(new_id("resp", tag)) == tag


@pytest.mark.parametrize("expected", [0, 1, 3, 20, 1000])
def test_however_many_items_are_expected_each_gets_an_id_of_its_own(expected: int) -> None:
    response_id = first_id()
    mint = item_minter(response_id, expected)
    minted = [mint("msg") for _ in range(200)]
    assert len(set(minted)) == 200
    assert {home_of(item_id) for item_id in minted} == {response_id}
