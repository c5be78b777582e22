"""Items in the words of an upstream that speaks Responses itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from openai.types.responses import ResponseInputItemParam
from pydantic import TypeAdapter

from app.domain.items import (
    CacheBreakpoint,
    ContentPart,
    InputFile,
    InputImage,
    InputPart,
    InputText,
    Item,
    Message,
    OutputText,
    Refusal,
    Role,
)
from app.errors import InvalidRequest
from app.providers.openai_responses.items import to_items
from app.providers.profiles import PROFILES, Profile
from tests.providers.asking import answered, called, said, shown, thought

OPENAI = PROFILES["openai"]
WRITTEN = {"type": "output_text", "text": "a", "annotations": []}
PAYLOAD = '{"id":"rs_up","encrypted_content":"gAAA+/=="}'


def items_of(*items: Item, profile: Profile = OPENAI) -> list[dict[str, Any]]:
    return to_items(items, profile)


def types(*items: Item, profile: Profile = OPENAI) -> list[str]:
    return [item["type"] for item in items_of(*items, profile=profile)]


@pytest.mark.parametrize("role", ["user", "system", "developer"])
def test_a_message_has_a_role_and_no_id(role: Role) -> None:
    content = [{"type": "input_text", "text": "Hi"}]
    assert items_of(said("Hi", role)) == [{"type": "message", "role": role, "content": content}]


@pytest.mark.parametrize(
    ("role", "part", "shown"),
    [
        ("assistant", OutputText("a", ({"type": "x"},)), WRITTEN),
        ("assistant", InputText("a"), WRITTEN),
        ("assistant", Refusal("no"), {"type": "refusal", "refusal": "no"}),
        ("user", OutputText("a"), {"type": "input_text", "text": "a"}),
        ("user", Refusal("no"), {"type": "input_text", "text": "no"}),
    ],
)
def test_text_is_of_the_kind_that_its_role_may_hold(
    role: Role, part: ContentPart, shown: dict[str, Any]
) -> None:
    assert items_of(Message("m", role, (part,)))[0]["content"] == [shown]


@pytest.mark.parametrize("profile", ["generic", "vllm", "llamacpp", "openrouter", "xai"])
def test_what_is_sent_is_read_by_the_types_of_openais_client(profile: str) -> None:
    """vLLM and servers like it read so: a message without an id is a 400 (openai/codex 12669)."""
    image = InputImage("data:image/png;base64,AAAA", None, "auto")
    items = items_of(
        said("Be brief.", "system"),
        Message("m", "user", (InputText("Hi"), image)),
        said("Hello", "assistant"),
        Message("m", "assistant", (Refusal("no"), OutputText("a"))),
        called(),
        answered("1"),
        said("So", "assistant"),
        profile=PROFILES[profile],
    )
    TypeAdapter(list[ResponseInputItemParam]).validate_python(items, strict=True)
    ids = [item["id"] for item in items if item.get("role") == "assistant"]
    assert ids == ["msg_2", "msg_3", "msg_6"]


def test_openai_itself_gets_no_ids_of_ours() -> None:
    assert "id" not in items_of(said("Hello", "assistant"))[0]


def test_a_phase_is_passed_on() -> None:
    message = Message("m", "assistant", (OutputText("a"),), phase="commentary")
    assert items_of(message)[0]["phase"] == "commentary"


def test_an_empty_message_is_left_out() -> None:
    assert items_of(Message("m", "assistant", ())) == []


@pytest.mark.parametrize(
    ("part", "fields"),
    [
        (InputImage("https://x.test/a", detail="high"), {"image_url": "https://x.test/a"}),
        (InputImage(file_id="file-1", detail="high"), {"file_id": "file-1"}),
    ],
)
def test_an_image_is_passed_on(part: InputPart, fields: dict[str, str]) -> None:
    assert items_of(shown(part))[0]["content"] == [
        {"type": "input_image", "detail": "high"} | fields
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"file_data": "data:application/pdf;base64,AAAA", "filename": "a.pdf"},
        {"file_url": "https://x.test/a.pdf", "detail": "low"},
        {"file_id": "file-1"},
    ],
)
def test_a_file_is_passed_on(fields: dict[str, Any]) -> None:
    assert items_of(shown(InputFile(**fields)))[0]["content"] == [{"type": "input_file"} | fields]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"file_data": "JVBERi0x"}, ("file.pdf", "data:application/pdf;base64,JVBERi0x")),
        ({"file_data": "aGk=", "filename": "a.md"}, ("a.md", "data:text/markdown;base64,aGk=")),
        ({"file_data": "data:text/csv,1%2C2"}, ("file.csv", "data:text/csv,1%2C2")),
        ({"file_data": "DATA:Text/CSV;base64,MQ=="}, ("file.csv", "DATA:Text/CSV;base64,MQ==")),
    ],
)
def test_the_data_of_a_file_is_sent_as_a_data_url_with_a_name(
    given: dict[str, Any], sent: tuple[str, str]
) -> None:
    (part,) = items_of(shown(InputFile(**given)))[0]["content"]
    assert (part["filename"], part["file_data"]) == sent


@pytest.mark.parametrize("part", [InputImage("https://x.test/a"), InputFile(file_id="file-1")])
def test_a_server_that_does_not_read_such_parts_is_not_sent_them(part: InputPart) -> None:
    with pytest.raises(InvalidRequest, match="reads no"):
        items_of(answered((part,)), profile=replace(OPENAI, images=False, files=False))


def test_a_call_and_its_output_have_no_ids_of_ours() -> None:
    assert items_of(called(arguments="{oops"), answered("Sunny")) == [
        {
            "type": "function_call",
            "call_id": "call_1",
            "name": "get_weather",
            "arguments": "{oops",
        },
        {"type": "function_call_output", "call_id": "call_1", "output": "Sunny"},
    ]


def test_an_output_of_parts_is_passed_on() -> None:
    output = items_of(answered((InputText("Look"), InputImage("https://x.test/a"))))[0]["output"]
    assert [part["type"] for part in output] == ["input_text", "input_image"]


def test_a_call_id_that_is_too_long_is_mapped_the_same_on_both_sides() -> None:
    call, output = items_of(called("c" * 80), answered("1", "c" * 80))
    assert call["call_id"] == output["call_id"]
    assert len(call["call_id"]) <= 64


def test_reasoning_goes_back_as_it_came() -> None:
    assert items_of(thought(PAYLOAD, "Hm.", "Ha."), called())[0] == {
        "type": "reasoning",
        "summary": [
            {"type": "summary_text", "text": "Hm."},
            {"type": "summary_text", "text": "Ha."},
        ],
        "id": "rs_up",
        "encrypted_content": "gAAA+/==",
    }


@pytest.mark.parametrize("item", [called(), said("Yo", "assistant")])
def test_reasoning_goes_back_before_what_it_led_to(item: Item) -> None:
    kinds = types(said("Hi"), thought(PAYLOAD), thought(PAYLOAD), item, said("So?"))
    assert kinds[1:3] == ["reasoning", "reasoning"]


@pytest.mark.parametrize(
    "items",
    [
        pytest.param((thought(PAYLOAD), said("Go on")), id="the user speaks"),
        pytest.param((thought(PAYLOAD), answered("1")), id="an output comes"),
        pytest.param((thought(PAYLOAD),), id="nothing comes"),
        pytest.param((thought(PAYLOAD), Message("m", "assistant", ())), id="nothing was said"),
        pytest.param((thought(None, "Hm."), called()), id="it cannot be looked up"),
    ],
)
def test_reasoning_that_would_be_refused_is_left_out(items: tuple[Item, ...]) -> None:
    assert "reasoning" not in types(*items)


def test_a_server_that_knows_no_encrypted_reasoning_gets_none() -> None:
    assert types(thought(PAYLOAD), called(), profile=PROFILES["llamacpp"]) == ["function_call"]


def test_a_refusal_is_text_to_a_server_that_reads_none() -> None:
    message = Message("m", "assistant", (Refusal("no"),))
    assert items_of(message, profile=replace(OPENAI, refusals=False))[0]["content"] == [
        WRITTEN | {"text": "no"}
    ]


def test_arguments_that_are_no_object_are_wrapped_for_servers_that_parse_them() -> None:
    (call,) = items_of(called(arguments="{oops"), profile=replace(OPENAI, object_arguments=True))
    assert call["arguments"] == '{"arguments":"{oops"}'


def test_a_call_without_arguments_has_none() -> None:
    assert items_of(called(arguments=""))[0]["arguments"] == "{}"


@pytest.mark.parametrize(
    "part", [InputText("a"), InputImage(file_id="file_1"), InputFile(file_id="file_1")]
)
def test_a_breakpoint_goes_to_a_server_that_knows_it(part: InputPart) -> None:
    marked = replace(part, prompt_cache_breakpoint=CacheBreakpoint("1h"))
    plain = items_of(shown(part), answered((part,)))
    (message, output) = items_of(shown(marked), answered((marked,)))
    known = plain[0]["content"][0] | {"prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"}}
    assert (message["content"], output["output"]) == ([known], [known])
    elsewhere = PROFILES["generic"]
    assert items_of(shown(marked), profile=elsewhere) == items_of(shown(part), profile=elsewhere)
