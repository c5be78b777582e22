"""The content parts of a request's messages (R13)."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.items import CacheBreakpoint, InputFile, InputImage, InputText, OutputText, Refusal
from tests.schemas.requests import body, fault, load, part, verdict

TYPE, VALUE, MISSING = "invalid_type", "invalid_value", "missing_required_parameter"
WEB = "https://a.example/b"
DATA = "data:image/png;base64,AAAA"


@pytest.mark.parametrize("role", ["user", "system", "developer"])
@pytest.mark.parametrize("kind", ["input_text", "text"])
def test_text_of_the_caller_has_two_spellings(role: str, kind: str) -> None:
    assert part({"type": kind, "text": "Hi"}, role) == InputText("Hi")


@pytest.mark.parametrize("kind", ["output_text", "input_text", "text"])
def test_text_under_the_assistant_is_what_it_said(kind: str) -> None:
    assert part({"type": kind, "text": "Hi"}, "assistant") == OutputText("Hi")


@pytest.mark.parametrize("nothing", [{}, {"annotations": None, "logprobs": None}])
def test_annotations_and_logprobs_may_be_left_out(nothing: dict[str, Any]) -> None:
    assert part({"type": "output_text", "text": ""} | nothing, "assistant") == OutputText("")


def test_a_refusal_of_the_assistant_stays_one() -> None:
    assert part({"type": "refusal", "refusal": "No."}, "assistant") == Refusal("No.")


@pytest.mark.parametrize("url", [WEB, "http://a.example", DATA, "HTTPS://A.EXAMPLE"])
def test_an_image_may_be_a_url_or_hold_its_bytes(url: str) -> None:
    assert part({"type": "input_image", "image_url": url}) == InputImage(url, None, "auto")


@pytest.mark.parametrize("detail", ["auto", "low", "high", "original"])
def test_an_image_keeps_its_detail(detail: str) -> None:
    given = {"type": "input_image", "file_id": "file_1", "image_url": None, "detail": detail}
    assert part(given) == InputImage(None, "file_1", detail)


def test_a_file_may_hold_its_bytes() -> None:
    given = {"type": "input_file", "file_data": "AAAA", "filename": "a.pdf", "detail": "low"}
    assert part(given) == InputFile("AAAA", None, None, "a.pdf", "low")


def test_a_file_may_be_a_url() -> None:
    assert part({"type": "input_file", "file_url": WEB}) == InputFile(None, WEB)


def test_a_file_may_be_named_by_its_id() -> None:
    given = {"type": "input_file", "file_id": "file_1"}
    assert part(given) == InputFile(None, None, "file_1")


@pytest.mark.parametrize("ttl", [None, "5m", "30m", "1h", "12h"])
@pytest.mark.parametrize(
    "kind", [{"type": "input_text", "text": "a"}, {"type": "input_image", "file_id": "f"},
             {"type": "input_file", "file_id": "f"}],
)  # fmt: skip
def test_every_part_of_the_caller_takes_a_breakpoint(kind: dict[str, Any], ttl: str | None) -> None:
    given = kind | {"prompt_cache_breakpoint": {"mode": "explicit", "ttl": ttl}}
    assert part(given).prompt_cache_breakpoint == CacheBreakpoint(ttl)
    assert load(input=[{"role": "user", "content": [given]}]).has_cache_breakpoints
    assert not load(input=[{"role": "user", "content": [kind]}]).has_cache_breakpoints


IMAGE, FILE = {"type": "input_image"}, {"type": "input_file"}
TEXT, POINT = {"type": "input_text", "text": "a"}, ".prompt_cache_breakpoint"
WRONG: list[tuple[Any, str, str]] = [
    ("Hi", TYPE, ""),
    ({}, MISSING, ".type"),
    ({"text": "Hi"}, MISSING, ".type"),
    ({"type": None, "text": "Hi"}, MISSING, ".type"),
    ({"type": 5}, TYPE, ".type"),
    ({"type": "audio"}, VALUE, ".type"),
    ({"type": "input_audio", "input_audio": {}}, "unsupported_value", ".type"),
    ({"type": "image_url", "image_url": {"url": WEB}}, "unsupported_value", ".type"),
    ({"type": "output_text", "text": "Hi"}, VALUE, ".type"),
    ({"type": "refusal", "refusal": "No."}, VALUE, ".type"),
    ({"type": "input_text"}, MISSING, ".text"),
    ({"type": "input_text", "text": None}, MISSING, ".text"),
    ({"type": "input_text", "text": 5}, TYPE, ".text"),
    ({"type": "input_text", "text": "x" * 10_485_761}, VALUE, ".text"),
    (IMAGE, MISSING, ".image_url"),
    (IMAGE | {"image_url": None}, MISSING, ".image_url"),
    (IMAGE | {"image_url": {"url": WEB}}, TYPE, ".image_url"),
    (IMAGE | {"image_url": ""}, VALUE, ".image_url"),
    (IMAGE | {"image_url": "data:"}, VALUE, ".image_url"),
    (IMAGE | {"image_url": "file:///etc/passwd"}, VALUE, ".image_url"),
    (IMAGE | {"image_url": "data:" + "x" * 20_971_520}, VALUE, ".image_url"),
    (IMAGE | {"image_url": WEB, "file_id": "file_1"}, VALUE, ".file_id"),
    (IMAGE | {"file_id": ""}, VALUE, ".file_id"),
    (IMAGE | {"image_url": WEB, "detail": "best"}, VALUE, ".detail"),
    (FILE, MISSING, ".file_data"),
    (FILE | {"filename": "a.pdf"}, MISSING, ".file_data"),
    (FILE | {"file_data": ""}, VALUE, ".file_data"),
    (FILE | {"file_data": 5}, TYPE, ".file_data"),
    (FILE | {"file_url": DATA}, VALUE, ".file_url"),
    (FILE | {"file_id": "f", "file_data": "AAAA"}, VALUE, ".file_data"),
    (FILE | {"file_id": "f", "detail": "original"}, VALUE, ".detail"),
    (FILE | {"file_id": "f", "filename": 5}, TYPE, ".filename"),
    (TEXT | {"prompt_cache_breakpoint": True}, TYPE, ".prompt_cache_breakpoint"),
    (TEXT | {"prompt_cache_breakpoint": {"mode": "implicit"}}, VALUE, f"{POINT}.mode"),
    (TEXT | {"prompt_cache_breakpoint": {"ttl": "24h"}}, VALUE, f"{POINT}.ttl"),
]


@pytest.mark.parametrize(("raw", "code", "where"), WRONG)
def test_a_part_that_is_wrong_is_refused_by_its_path(raw: Any, code: str, where: str) -> None:
    given = body(input=[{"role": "user", "content": [raw]}])
    assert verdict(given) == (code, f"input[0].content[0]{where}")


UNDER_ASSISTANT: list[tuple[dict[str, Any], str, str]] = [
    (IMAGE | {"image_url": WEB}, VALUE, ".type"),
    (FILE | {"file_url": WEB}, VALUE, ".type"),
    ({"type": "refusal"}, MISSING, ".refusal"),
    ({"type": "output_text"}, MISSING, ".text"),
    ({"type": "output_text", "text": "", "annotations": {}}, TYPE, ".annotations"),
    ({"type": "output_text", "text": "", "annotations": [5]}, TYPE, ".annotations[0]"),
    ({"type": "output_text", "text": "", "logprobs": [{}, ""]}, TYPE, ".logprobs[1]"),
]


@pytest.mark.parametrize(("raw", "code", "where"), UNDER_ASSISTANT)
def test_what_the_assistant_cannot_have_said_is_refused(
    raw: dict[str, Any], code: str, where: str
) -> None:
    given = body(input=[{"role": "assistant", "content": [raw]}])
    assert verdict(given) == (code, f"input[0].content[0]{where}")


def test_the_role_may_come_after_the_content() -> None:
    given = {"content": [{"type": "output_text", "text": ""}], "role": "user"}
    assert fault(body(input=[given])).param == "input[0].content[0].type"


def test_annotations_nested_without_end_are_refused() -> None:
    deep: Any = {}
    for _ in range(100):
        deep = {"a": deep}
    raw = {"type": "output_text", "text": "", "annotations": [deep]}
    given = body(input=[{"role": "assistant", "content": [raw]}])
    assert verdict(given) == (VALUE, "input[0].content[0].annotations")
