"""What counts as the same output, and what is written where it is not."""

from __future__ import annotations

import json

import pytest

from tests.snippets.matching import laid_out, language_of, matches, rewritten

ID = "resp_4c1f0a62f7e94a0b9c1d2e3f405162738495a6b7c8d9e0f1"
OTHER_ID = "resp_0a624c1ff7e94a0b9c1d2e3f405162738495a6b7c8d9e0f1"


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("a\nb\n", "a  \nb"),
        (f"made {ID}", f"made {OTHER_ID}"),
        ("made resp_…", f"made {ID}"),
        ("at 1796000000", "at 1796111111"),
        ("at 2026-11-29T10:00:00Z", "at 2027-01-02T03:04:05Z"),
        ("key sk-rg-...", "key sk-rg-0123456789abcdef"),
        ("took 12 ms", "took 3.5 ms"),
        ('data: {"a":1,…}', 'data: {"a":1,"b":2}'),
        ("a\n…\nd", "a\nb\nc\nd"),
    ],
)
def test_a_text_is_the_same_but_for_what_varies(shown: str, printed: str) -> None:
    assert matches(shown, printed, "text")


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("a", "b"),
        ("a", "a\nb"),
        ("a\n…", "a"),
        ("a … c", "a b\nc"),
        (f"made {ID}", "made conv_4c1f0a62f7e94a0b9c1d2e3f40516273"),
        ("12 tokens", "13 tokens"),
    ],
)
def test_another_text_is_another(shown: str, printed: str) -> None:
    assert not matches(shown, printed, "text")


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ({"id": ID, "n": 1}, {"n": 1, "id": OTHER_ID}),
        ({"at": 1796000000}, {"at": 1796111111}),
        ({"n": 1, "…": "…"}, {"n": 1, "m": None}),
        ({"text": "…"}, {"text": "anything\nat all"}),
        ([1, "…"], [1, 2, 3]),
        ({"a": [{"b": "x…"}]}, {"a": [{"b": "xyz"}]}),
    ],
)
def test_json_is_the_same_but_for_what_varies(shown: object, printed: object) -> None:
    assert matches(json.dumps(shown), json.dumps(printed), "json")


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": 1, "…": "…"}, {"b": 1}),
        ({"a": 1}, {"a": True}),
        ({"a": 1}, {"a": "1"}),
        ({"a": None}, {"a": 0}),
        ([1], [1, 2]),
        ([1, 2, "…"], [1]),
        ({"a": {}}, {"a": []}),
    ],
)
def test_other_json_is_other(shown: object, printed: object) -> None:
    assert not matches(json.dumps(shown), json.dumps(printed), "json")


def test_what_is_no_json_is_not_the_same() -> None:
    assert not matches('{"a": 1}', "not found", "json")


def test_what_is_the_same_is_left_as_it_stands() -> None:
    shown = '{"id": "resp_…",\n "n": 1}'
    assert rewritten(shown, json.dumps({"id": ID, "n": 1}), "json") == shown


def test_what_a_page_leaves_out_stays_out() -> None:
    shown = '{"id": "resp_…", "n": 1, "list": [{"a": 1, "…": "…"}, "…"], "…": "…"}'
    printed = {"id": ID, "n": 2, "list": [{"a": 3, "b": 4}, {"a": 5}], "m": 6}
    assert json.loads(rewritten(shown, json.dumps(printed), "json")) == {
        "id": "resp_…",
        "n": 2,
        "list": [{"a": 3, "…": "…"}, "…"],
        "…": "…",
    }


def test_what_was_printed_takes_the_place_of_another_text() -> None:
    assert rewritten("a\nb", "a\nc  \n\n", "text") == "a\nc"


def test_what_is_written_has_short_ids_and_no_secrets() -> None:
    printed = f"{ID} sk-rg-0123456789abcdefg whsec_0123456789abcdefgh+/= {'A' * 64}=="
    written = rewritten("", printed, "text")
    assert written == "resp_4c1f0a62… sk-rg-... whsec_... …"
    assert matches(written, printed, "text")


def test_json_is_known_by_being_an_object_or_an_array() -> None:
    assert [language_of(text) for text in ('{"a": 1}', "[1]", "1", "a")] == [
        "json",
        "json",
        "text",
        "text",
    ]


def test_json_that_is_too_long_for_a_line_has_a_line_for_each_value() -> None:
    value = {"short": [1, 2], "long": ["x" * 60, "y" * 60], "…": "…"}
    text = laid_out(value)
    assert json.loads(text) == value
    assert text.splitlines()[1] == '  "short": [1, 2],'
    assert text.splitlines()[-2] == '  "…": "…"'
