"""What hosted tools did, in words."""

from __future__ import annotations

import pytest

from app.domain.hosted.item import hosted_item
from app.domain.hosted.words import LONGEST_VALUE, LONGEST_WORDS, words_of
from tests.hosted_items import CODE, IMAGE, ITEMS, MCP_CALL, PICTURE, SCREENSHOT, WEB_SEARCH, WORDS


def test_the_words_say_what_was_done() -> None:
    words = "\n".join(words_of(hosted_item(each)) for each in ITEMS)
    assert [each for each in WORDS if each not in words] == []


@pytest.mark.parametrize("given", [CODE, IMAGE, SCREENSHOT], ids=lambda each: each["type"])
def test_a_picture_is_not_put_into_words(given: dict[str, object]) -> None:
    assert PICTURE[:20] not in words_of(hosted_item(given))


def test_what_a_tool_brought_is_cut() -> None:
    words = words_of(hosted_item(MCP_CALL | {"output": "x" * 1_000_000}))
    assert "… (998000 more characters)" in words
    assert len(words) < LONGEST_VALUE * 2


def test_an_item_is_cut_as_a_whole() -> None:
    results = [{"filename": str(n), "text": "y" * LONGEST_VALUE} for n in range(10)]
    given = {"id": "fs_1", "type": "file_search_call", "queries": ["q"], "results": results}
    assert LONGEST_WORDS <= len(words_of(hosted_item(given))) < LONGEST_WORDS + 50


def test_a_failure_is_told() -> None:
    given = WEB_SEARCH | {"status": "failed", "error": {"message": "no network"}}
    words = words_of(hosted_item(given))
    assert words.startswith("[web_search_call, failed] searched")
    assert words.endswith('Error: {"message": "no network"}')


@pytest.mark.parametrize("kind", [each["type"] for each in ITEMS] + ["telepathy_call"])
@pytest.mark.parametrize("value", [None, 5, "x", ["y", None, 3], {"a": []}])
def test_an_odd_item_has_words_as_well(kind: str, value: object) -> None:
    keys = {key for each in ITEMS for key in each} - {"id", "type"}
    odd = {"id": "x_1", "type": kind} | dict.fromkeys(keys, value)
    assert words_of(hosted_item(odd)).startswith(f"[{kind}")
