"""Conversations in the words of Chat Completions."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.items import (
    InputFile,
    InputImage,
    InputText,
    Item,
    Message,
    OutputText,
    Reasoning,
    Refusal,
)
from app.errors import InvalidRequest
from app.providers.openai_chat.messages.writer import SEE_BELOW, to_messages
from app.providers.profiles import Profile
from app.providers.profiles.choice import PROFILES
from app.providers.writing.placeholders import GO_ON
from tests.providers.chatting import GENERIC, OPENAI, assistant, call, knowing, output, user

PNG = "data:image/png;base64,aGk="


def messages_of(*items: Item, profile: Profile = GENERIC) -> list[dict[str, Any]]:
    return to_messages([], items, profile)


def system(text: str) -> Message:
    return Message("msg_3", "system", (InputText(text),))


def developer(text: str) -> Message:
    return Message("msg_4", "developer", (InputText(text),))


def tool_call(call_id: str, name: str = "weather", arguments: str = "{}") -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"id": call_id, "type": "function", "function": function}


def test_a_users_text_is_a_string() -> None:
    assert messages_of(user("Hello.")) == [{"role": "user", "content": "Hello."}]


def test_texts_are_joined_for_servers_that_know_no_arrays() -> None:
    assert messages_of(user("One.", "Two.")) == [{"role": "user", "content": "One.\nTwo."}]


def test_texts_stay_apart_where_arrays_are_known() -> None:
    (message,) = messages_of(user("One.", "Two."), profile=OPENAI)
    assert message["content"] == [
        {"type": "text", "text": "One."},
        {"type": "text", "text": "Two."},
    ]


@pytest.mark.parametrize(("profile", "role"), [(OPENAI, "developer"), (GENERIC, "system")])
def test_instructions_come_first_in_the_servers_role(profile: Profile, role: str) -> None:
    messages = to_messages(["Be brief."], [user("Hello.")], profile)
    assert messages[0] == {"role": role, "content": "Be brief."}


@pytest.mark.parametrize(("profile", "role"), [(OPENAI, "developer"), (GENERIC, "system")])
def test_a_developer_is_the_system_where_there_is_none(profile: Profile, role: str) -> None:
    (message,) = messages_of(developer("Be brief."), profile=profile)
    assert message["role"] == role


def test_a_system_message_stays_one() -> None:
    assert messages_of(system("Be brief."), profile=OPENAI)[0]["role"] == "system"


def test_leading_system_messages_are_one_where_only_one_is_known() -> None:
    messages = to_messages(
        ["A."], [system("B."), user("Hi."), system("C.")], knowing(one_system=True)
    )
    assert [message["content"] for message in messages] == ["A.\n\nB.", "Hi.", "C."]


@pytest.mark.parametrize("name", ["perplexity", "vllm", "deepseek"])
def test_what_the_user_says_in_a_row_is_one_message_where_two_are_refused(name: str) -> None:
    items = (user("A."), user("B."), assistant("C."), user("D."), developer("E."))
    messages = to_messages(["Be brief."], items, PROFILES[name])
    assert [(each["role"], each["content"]) for each in messages] == [
        ("system", "Be brief."), ("user", "A.\n\nB."), ("assistant", "C."), ("user", "D.\n\nE."),
    ]  # fmt: skip


def test_pictures_are_parts_of_what_the_user_says_in_a_row() -> None:
    picture = InputImage(image_url=PNG)
    seen = {"type": "image_url", "image_url": {"url": PNG}}
    one, two, three = ({"type": "text", "text": text} for text in ("1", "2", "3"))
    items = (user("1"), Message("", "user", (picture,)), user("2"), user("3"))
    (message,) = messages_of(*items, profile=knowing(one_user=True))
    assert message == {"role": "user", "content": [one, seen, two, three]}


def test_pictures_that_a_call_gave_join_what_the_user_says_next() -> None:
    items = (call("c1"), output("c1", InputImage(image_url=PNG)), user("And?"))
    *_, message = messages_of(*items, profile=knowing(one_user=True))
    assert [part["type"] for part in message["content"]] == ["image_url", "text"]


def test_minimax_is_sent_one_system_message_the_first() -> None:
    items = (developer("B."), user("Hi."), developer("C."))
    messages = to_messages(["A."], items, PROFILES["minimax"])
    assert [(each["role"], each["content"]) for each in messages] == [
        ("system", "A.\n\nB."), ("user", "Hi."), ("user", "C."),
    ]  # fmt: skip


@pytest.mark.parametrize("first", [user("Hi."), assistant("Hi."), call("c1")])
def test_nobody_is_the_system_behind_another_where_none_may_be_late(first: Item) -> None:
    profile = knowing(one_system=True, late_system=False)
    messages = messages_of(system("A."), developer("B."), first, developer("C."), profile=profile)
    assert messages[0] == {"role": "system", "content": "A.\n\nB."}
    assert messages[-1] == {"role": "user", "content": "C."}
    assert "system" not in [message["role"] for message in messages[1:]]


def test_silence_is_nobody_that_a_system_message_is_behind() -> None:
    profile = knowing(one_system=True, late_system=False)
    messages = messages_of(assistant(""), system("A."), user("Hi."), profile=profile)
    assert [message["role"] for message in messages] == ["system", "user"]


def test_a_single_system_message_is_left_as_it_is() -> None:
    messages = messages_of(system("A."), user("Hi."), profile=knowing(one_system=True))
    assert [message["content"] for message in messages] == ["A.", "Hi."]


def test_what_an_assistant_said_is_a_string() -> None:
    messages = messages_of(assistant("One, ", "two."), user("Hi."))
    assert messages[0] == {"role": "assistant", "content": "One, two."}


def test_a_refusal_was_said_too() -> None:
    refused = Message("m", "assistant", (OutputText("Well. "), Refusal("No.")))
    assert messages_of(refused)[0]["content"] == "Well. No."


def test_messages_of_an_assistant_in_a_row_are_one() -> None:
    messages = messages_of(assistant("One."), assistant("Two."), user("Hi."))
    assert messages[0] == {"role": "assistant", "content": "One.\n\nTwo."}


def test_an_assistant_that_said_nothing_is_left_out() -> None:
    assert messages_of(assistant(), user("Hi.")) == [{"role": "user", "content": "Hi."}]


def test_words_and_calls_are_one_message_and_outputs_follow_it() -> None:
    messages = messages_of(
        user("Weather?"),
        assistant("Let me see."),
        call("c1", arguments='{"city": "Rome"}'),
        call("c2", "time", ""),
        output("c1", "Sunny."),
        output("c2", "Noon."),
        assistant("Sunny at noon."),
    )
    assert messages[1:-1] == [
        {
            "role": "assistant",
            "content": "Let me see.",
            "tool_calls": [tool_call("c1", arguments='{"city": "Rome"}'), tool_call("c2", "time")],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "Sunny."},
        {"role": "tool", "tool_call_id": "c2", "content": "Noon."},
        {"role": "assistant", "content": "Sunny at noon."},
    ]


def test_after_an_answer_the_user_asks_for_more_where_servers_refuse_it_at_the_end() -> None:
    messages = messages_of(user("Hi."), assistant("Well,"))
    assert messages[-1] == {"role": "user", "content": GO_ON}


@pytest.mark.parametrize("items", [(user("Hi."),), (call("c1"), output("c1", "A."))])
def test_nothing_is_added_to_what_the_user_or_a_tool_ends(items: tuple[Item, ...]) -> None:
    assert messages_of(*items)[-1]["role"] in ("user", "tool")
    assert GO_ON not in str(messages_of(*items))


def test_an_answer_at_the_end_stays_there_where_the_server_takes_it() -> None:
    assert messages_of(user("Hi."), assistant("Well,"), profile=OPENAI)[-1]["content"] == "Well,"


def test_calls_without_words_have_no_content() -> None:
    messages = messages_of(call("c1"), output("c1", "Sunny."))
    assert messages[0] == {"role": "assistant", "content": None, "tool_calls": [tool_call("c1")]}


def test_outputs_come_in_the_order_of_their_calls() -> None:
    messages = messages_of(
        call("c1"), call("c2"), output("c2", "B."), output("c1", "A."), user("Hm.")
    )
    assert [(message["role"], message["content"]) for message in messages] == [
        ("assistant", None),
        ("tool", "A."),
        ("tool", "B."),
        ("user", "Hm."),
    ]


def test_calls_after_an_output_are_a_message_of_their_own() -> None:
    messages = messages_of(call("c1"), output("c1", "A."), call("c2"), output("c2", "B."))
    assert [message["role"] for message in messages] == ["assistant", "tool"] * 2


@pytest.mark.parametrize("between", [(), (user("Again."),)])
def test_an_id_that_is_used_again_is_a_distinct_one(between: tuple[Item, ...]) -> None:
    calls = (call("c0"), output("c0", "A."), *between, call("c0"), output("c0", "B."))
    messages = messages_of(*calls)
    called = [each["tool_calls"][0]["id"] for each in messages if "tool_calls" in each]
    answered = [each["tool_call_id"] for each in messages if each["role"] == "tool"]
    assert called == answered
    assert (called[0], len(set(called))) == ("c0", 2)


def test_parallel_calls_of_one_id_have_their_own_outputs() -> None:
    messages = messages_of(
        call("c0", arguments='{"n": 1}'),
        call("c0", arguments='{"n": 2}'),
        output("c0", "1"),
        output("c0", "2"),
    )
    outputs = {each["tool_call_id"]: each["content"] for each in messages[1:]}
    called = {each["id"]: each["function"]["arguments"] for each in messages[0]["tool_calls"]}
    assert [(called[each], outputs[each]) for each in called] == [
        ('{"n": 1}', "1"),
        ('{"n": 2}', "2"),
    ]


def test_a_repeated_id_is_sent_the_same_each_time() -> None:
    items = (call("c0"), output("c0", "A."), call("c0"), output("c0", "B."))
    assert messages_of(*items, user("Go on."))[:4] == messages_of(*items)


def test_a_call_without_an_output_stands_alone() -> None:
    assert [message["role"] for message in messages_of(call("c1"), user("Hm."))] == [
        "assistant",
        "user",
    ]


def test_a_long_id_is_the_same_on_call_and_output() -> None:
    messages = messages_of(call("c" * 90), output("c" * 90, "A."))
    short = messages[1]["tool_call_id"]
    assert len(short) <= 40
    assert messages[0]["tool_calls"][0]["id"] == short


def test_an_outputs_parts_are_its_text() -> None:
    assert messages_of(call("c1"), output("c1", "A.", "B."))[1]["content"] == "A.\nB."


def test_images_in_outputs_follow_all_outputs_as_the_users() -> None:
    messages = messages_of(
        call("c1"),
        call("c2"),
        output("c1", InputText("See:"), InputImage(PNG)),
        output("c2", InputImage(PNG), InputImage(PNG)),
    )
    image = {"type": "image_url", "image_url": {"url": PNG}}
    assert messages[1:] == [
        {"role": "tool", "tool_call_id": "c1", "content": "See:"},
        {"role": "tool", "tool_call_id": "c2", "content": SEE_BELOW},
        {"role": "user", "content": [image, image, image]},
    ]


@pytest.mark.parametrize(
    ("detail", "sent"),
    [("auto", {}), ("low", {"detail": "low"}), ("original", {"detail": "high"})],
)
def test_an_image_is_a_url_with_its_detail(detail: str, sent: dict[str, str]) -> None:
    (message,) = messages_of(user("See:", InputImage(PNG, detail=detail)))
    assert message["content"] == [
        {"type": "text", "text": "See:"},
        {"type": "image_url", "image_url": {"url": PNG} | sent},
    ]


@pytest.mark.parametrize(
    ("file", "sent"),
    [
        (
            InputFile(file_data="aGk=", filename="a.pdf"),
            {"filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk="},
        ),
        (
            InputFile(file_data="aGk=", filename="a.unheard-of"),
            {
                "filename": "a.unheard-of",
                "file_data": "data:application/octet-stream;base64,aGk=",
            },
        ),
        (
            InputFile(file_data="data:text/plain;base64,aGk="),
            {"filename": "file.txt", "file_data": "data:text/plain;base64,aGk="},
        ),
        (
            InputFile(file_data="JVBERi0xLjc="),
            {"filename": "file.pdf", "file_data": "data:application/pdf;base64,JVBERi0xLjc="},
        ),
        (InputFile(file_id="file-1"), {"file_id": "file-1"}),
    ],
)
def test_a_file_is_data_or_an_id(file: InputFile, sent: dict[str, str]) -> None:
    (message,) = messages_of(user(file))
    assert message["content"] == [{"type": "file", "file": sent}]


@pytest.mark.parametrize(
    ("item", "profile"),
    [
        (user(InputImage(PNG)), knowing(images=False)),
        (user(InputImage(file_id="file-1")), GENERIC),
        (user(InputFile(file_data="aGk=")), knowing(files=False)),
        (user(InputFile(file_url="https://acme.test/a.pdf")), GENERIC),
        (Message("m", "assistant", (InputImage(PNG),)), GENERIC),
    ],
    ids=["images", "image-id", "files", "file-url", "assistant"],
)
def test_what_cannot_be_told_is_refused(item: Item, profile: Profile) -> None:
    with pytest.raises(InvalidRequest) as caught:
        messages_of(item, profile=profile)
    assert (caught.value.param, caught.value.code) == ("input", "unsupported_value")


THOUGHT = Reasoning("rs_1", ("First,", "then."))


def test_reasoning_is_dropped() -> None:
    messages = messages_of(user("Weather?"), THOUGHT, call("c1"), output("c1", "Sunny."))
    assert messages[1].keys() == {"role", "content", "tool_calls"}


def test_reasoning_of_the_turn_is_sent_where_it_is_wanted() -> None:
    profile = knowing(reasoning_field="reasoning_content")
    messages = messages_of(
        user("Weather?"), THOUGHT, call("c1"), output("c1", "Sunny."), profile=profile
    )
    assert messages[1]["reasoning_content"] == "First,\n\nthen."


def test_the_reasoning_itself_is_better_than_its_summary() -> None:
    profile = knowing(reasoning_field="reasoning")
    thought = Reasoning("rs_1", ("Short.",), ("Long.",))
    messages = messages_of(user("Weather?"), thought, call("c1"), profile=profile)
    assert messages[1]["reasoning"] == "Long."


def test_reasoning_of_earlier_turns_is_sent_where_it_is_wanted() -> None:
    profile = knowing(reasoning_field="reasoning_content")
    messages = messages_of(
        THOUGHT, call("c1"), output("c1", "A."), user("Thanks."), profile=profile
    )
    assert messages[0]["reasoning_content"] == "First,\n\nthen."


def test_reasoning_before_mere_words_is_dropped_everywhere() -> None:
    profile = knowing(reasoning_field="reasoning_content")
    assert "reasoning_content" not in messages_of(THOUGHT, assistant("Sunny."), profile=profile)[0]


@pytest.mark.parametrize(("strict", "sent"), [(False, "{oops"), (True, '{"arguments":"{oops"}')])
def test_arguments_that_are_no_object_are_wrapped_for_servers_that_parse_them(
    strict: bool, sent: str
) -> None:
    items = user("Hi"), call("c1", arguments="{oops"), output("c1", "Bad JSON.")
    messages = messages_of(*items, profile=knowing(object_arguments=strict))
    assert messages[1]["tool_calls"] == [tool_call("c1", arguments=sent)]


def test_an_output_names_its_function_where_the_server_wants_it() -> None:
    calls = (call("c1", "weather"), call("c2", "time"))
    outputs = (output("c2", "noon"), output("c1", "warm", InputImage(image_url=PNG)))
    sent = messages_of(user("Hi."), *calls, *outputs, profile=knowing(tool_names=True))
    assert [(m["name"], m["tool_call_id"]) for m in sent if m["role"] == "tool"] == [
        ("weather", "c1"), ("time", "c2"),
    ]  # fmt: skip
    assert "name" not in sent[-1]


def test_an_output_names_no_function_to_others() -> None:
    sent = messages_of(user("Hi."), call("c1"), output("c1", "warm"))
    assert "name" not in sent[-1]


@pytest.mark.parametrize(
    ("model", "expected"),
    [("kimi-k2.5", " "), ("kimi-k2.6", " "), ("moonshotai/kimi-k3", " "), ("kimi-k2-thinking", ""),
     ("kimi-k2-0905-preview", None), ("MiniMax-M3", "")],
)  # fmt: skip
def test_no_reasoning_is_said_as_the_models_server_takes_it(
    model: str, expected: str | None
) -> None:
    profile = knowing(reasoning_field="reasoning_content", empty_reasoning=True)
    thinks = expected is not None
    items = (user("Hi."), call("c1"), output("c1", "warm"))
    sent = to_messages([], items, profile, model, thinks=thinks)
    assert sent[1].get("reasoning_content") == expected


@pytest.mark.parametrize(
    ("name", "model", "thought", "empty"),
    [
        ("generic", "deepseek/deepseek-v4.1-flash", "First,\n\nthen.", ""),
        ("generic", "moonshotai/Kimi-K2.6", "First,\n\nthen.", " "),
        ("generic", "qwen/qwen3-32b", None, None),
        ("bedrock", "moonshotai.kimi-k2.5", None, None),
    ],
)
def test_a_model_that_requires_its_reasoning_gets_it_from_an_unknown_server_too(
    name: str, model: str, thought: str | None, empty: str | None
) -> None:
    for items, expected in (((THOUGHT, call("c")), thought), ((call("c"),), empty)):
        _, sent, _ = to_messages((), (user("Hi"), *items, output("c")), PROFILES[name], model)
        assert sent.get("reasoning_content") == expected


AFTER_CALLS = knowing(
    reasoning_field="reasoning_content", empty_reasoning=True, reasoning_after_calls=True
)


def _thought(text: str) -> Reasoning:
    return Reasoning("rs_1", summary=(text,))


def test_what_follows_calls_has_its_reasoning_where_the_server_wants_it() -> None:
    sent = messages_of(
        user("Hi."), _thought("a"), call("c1"), output("c1", "warm"), _thought("b"),
        assistant("It is warm."), user("And now?"), _thought("c"), assistant("Still."),
        user("Bye."), profile=AFTER_CALLS,
    )  # fmt: skip
    spoken = [message for message in sent if message["role"] == "assistant"]
    assert [message.get("reasoning_content") for message in spoken] == ["a", "b", None]


def test_what_follows_calls_has_an_empty_reasoning_where_there_is_none() -> None:
    items = (user("Hi."), call("c1"), output("c1", "warm"), assistant("Warm."), user("Bye."))
    assert messages_of(*items, profile=AFTER_CALLS)[3] == {
        "role": "assistant", "content": "Warm.", "reasoning_content": "",
    }  # fmt: skip
    assert messages_of(*items)[3] == {"role": "assistant", "content": "Warm."}


STRICT = knowing(strict_roles=True)


def roles(*items: Item, profile: Profile = STRICT) -> list[str]:
    return [message["role"] for message in messages_of(*items, profile=profile)]


def test_only_the_assistant_speaks_behind_outputs_where_the_server_wants_it() -> None:
    items = (user("Hi."), call("c1"), output("c1", "warm"), user("Stop."), assistant("OK."))
    assert roles(*items) == ["user", "assistant", "tool", "assistant", "user", "assistant", "user"]
    assert roles(*items, profile=GENERIC) == [
        "user", "assistant", "tool", "user", "assistant", "user",
    ]  # fmt: skip


def test_pictures_of_an_output_follow_a_word_of_the_assistant() -> None:
    picture = output("c1", InputImage(image_url=PNG))
    assert roles(user("Hi."), call("c1"), picture, user("And?")) == [
        "user", "assistant", "tool", "assistant", "user", "user",
    ]  # fmt: skip


def test_nobody_is_the_system_once_another_has_spoken() -> None:
    items = (system("A."), user("Hi."), developer("B."), assistant("Hello."), developer("C."))
    assert roles(*items) == ["system", "user", "user", "assistant", "user"]
    assert roles(*items, profile=GENERIC) == ["system", "user", "system", "assistant", "system"]
