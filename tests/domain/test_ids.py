"""Ids: nobody can guess them, no two are the same, and each tells where it belongs."""

from __future__ import annotations

import pytest

from app.domain.ids import home_of, is_response_id, tag_of
from tests.ids import first_id, item_ids, item_minter, new_id


def test_the_first_id_of_a_conversation_has_a_tag_that_the_next_ones_share() -> None:
    first = first_id()
    tag = tag_of(first)
    assert is_response_id(first)
    assert tag is not None
    assert tag_of(new_id("resp", tag)) == tag


@pytest.mark.parametrize("count", [0, 1, 3, 200])
def test_each_item_gets_an_id_of_its_own(count: int) -> None:
    response_id = first_id()
    minted = item_ids(response_id, ["msg"] * count)
    assert len(set(minted)) == count
    assert all(home_of(item_id) == response_id for item_id in minted)


def test_ids_have_the_prefixes_that_were_asked_for() -> None:
    ids = item_ids(first_id(), ["msg", "fc", "fco"])
    assert [item_id.partition("_")[0] for item_id in ids] == ["msg", "fc", "fco"]


def test_a_mints_ids_are_like_those_drawn_at_once() -> None:
    response_id = first_id()
    (drawn,) = item_ids(response_id, ["msg"])
    minted = item_minter(response_id)("msg")
    assert minted != drawn
    assert len(minted) == len(drawn)
    assert home_of(minted) == response_id
