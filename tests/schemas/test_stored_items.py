"""Items as JSON and back, as the store keeps them."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from app.domain.items import CacheBreakpoint, InputFile, InputImage, InputPart, InputText, Item
from app.schemas.wire.items import ITEM, OUTPUT_ITEM
from app.schemas.wire.parts import PART
from tests.schemas.test_wire import ITEMS


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.type)
def test_an_item_comes_back_from_its_json(item: Item) -> None:
    assert ITEM.load(orjson.loads(orjson.dumps(ITEM.dump(item)))) == item


@pytest.mark.parametrize("ttl", [None, "12h"])
@pytest.mark.parametrize(
    "part", [InputText("a"), InputImage("https://a.example"), InputFile(file_id="file_1")]
)
def test_a_part_comes_back_with_its_breakpoint(part: InputPart, ttl: str | None) -> None:
    marked = replace(part, prompt_cache_breakpoint=CacheBreakpoint(ttl))
    written = PART.dump(marked)
    assert written["prompt_cache_breakpoint"]["mode"] == "explicit"
    assert PART.load(written) == marked
    assert PART.validate(written) == {}
    assert PART.load({**PART.dump(part), "key": "of a later release"}) == part


def test_an_item_of_an_answer_whose_type_is_unknown_is_kept_as_it_came() -> None:
    dream = {"type": "dream", "id": "hi_1", "of": ["sheep"]}
    assert OUTPUT_ITEM.dump(OUTPUT_ITEM.load(dream)) == dream


def test_no_item_of_an_answer_is_a_callers() -> None:
    with pytest.raises(ValueError, match="must be that of an output, not 'function_call_output'"):
        OUTPUT_ITEM.load({"type": "function_call_output"})


def test_no_part_has_an_unknown_type() -> None:
    with pytest.raises(ValueError, match=r'must be "output_text", .* not "dream"'):
        PART.load({"type": "dream"})
