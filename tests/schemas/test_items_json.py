"""Items as JSON and back, as the store keeps them."""

from __future__ import annotations

import orjson
import pytest

from app.domain.items import Item
from app.schemas.items import item_from_json, item_json, part_from_json
from tests.schemas.test_told import ITEMS


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.type)
def test_an_item_comes_back_from_its_json(item: Item) -> None:
    assert item_from_json(orjson.loads(orjson.dumps(item_json(item)))) == item


def test_no_item_has_an_unknown_type() -> None:
    with pytest.raises(ValueError, match="no item has the type 'dream'"):
        item_from_json({"type": "dream"})


def test_no_part_has_an_unknown_type() -> None:
    with pytest.raises(ValueError, match="no content part has the type 'dream'"):
        part_from_json({"type": "dream"})
