"""Items as JSON and back, as the store keeps them."""

from __future__ import annotations

import orjson
import pytest

from app.domain.items import Item
from app.schemas.wire.items import ITEM, OUTPUT_ITEM
from app.schemas.wire.parts import PART
from tests.schemas.test_wire import ITEMS


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.type)
def test_an_item_comes_back_from_its_json(item: Item) -> None:
    assert ITEM.load(orjson.loads(orjson.dumps(ITEM.dump(item)))) == item


def test_no_item_of_an_answer_has_an_unknown_type() -> None:
    with pytest.raises(ValueError, match=r'must be "message", .* not "dream"'):
        OUTPUT_ITEM.load({"type": "dream"})


def test_no_part_has_an_unknown_type() -> None:
    with pytest.raises(ValueError, match=r'must be "output_text", .* not "dream"'):
        PART.load({"type": "dream"})
