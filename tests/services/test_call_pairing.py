"""Calls and their outputs: which belongs to which, and where both stand."""

from __future__ import annotations

from itertools import count, product

import pytest

from app.domain.answer_options import ConfigurationUpdate
from app.domain.hosted.item import HostedItem
from app.domain.items import (
    Compaction,
    FunctionCall,
    FunctionCallOutput,
    InputText,
    Item,
    Message,
    OutputText,
    Reasoning,
)
from app.errors import InvalidRequest
from app.services.answering.call_order import is_in_order
from app.services.answering.call_pairing import CallPairing


def items(words: str) -> list[Item]:
    """Return the items that words stand for: `a` and `b` are ids of calls, the rest is told apart.

    `u1` user, `t1` assistant, `r1` reasoning, `a(x)` a call with arguments, `a!(x)` one that was
    cut, `a=1` an output, `h1` what a hosted tool did, `s1` a compaction, `n1` what no model
    sees. A word's number is its item's id.
    """
    numbers = count()
    return [_item(word, f"i{next(numbers)}") for word in words.split()]


def _item(word: str, item_id: str) -> Item:
    match word[0]:
        case "u":
            return Message(item_id, "user", (InputText(word),))
        case "t":
            return Message(item_id, "assistant", (OutputText(word),))
        case "r":
            return Reasoning(item_id, (word,))
        case "h":
            return HostedItem(item_id, {"type": "web_search_call", "word": word})
        case "s":
            return Compaction(item_id, word)
        case "n":
            return ConfigurationUpdate(item_id, word)
        case _:
            return _call_or_output(word, item_id)


def _call_or_output(word: str, item_id: str) -> Item:
    if "=" in word:
        return FunctionCallOutput(item_id, word[0], word.partition("=")[2])
    status = "incomplete" if word[1] == "!" else "completed"
    arguments = word.partition("(")[2].removesuffix(")")
    return FunctionCall(item_id, word[0], "f", arguments, status)  # type: ignore[arg-type]


def words(items: tuple[Item, ...]) -> str:
    return " ".join(map(_word, items))


def _word(item: Item) -> str:
    match item:
        case Message(content=(InputText(text=text) | OutputText(text=text),)):
            return text
        case Reasoning(summary=(text,)):
            return text
        case HostedItem():
            return str(item.json["word"])
        case Compaction():
            return item.encrypted_content
        case ConfigurationUpdate():
            return str(item.effort)
        case FunctionCall():
            return f"{item.call_id}({item.arguments})"
        case FunctionCallOutput(output=str(output)):
            return f"{item.call_id}={output}"
        case _:
            raise AssertionError(item)


def paired(*turns: str, own: str) -> tuple[str, str]:
    """Return what the model sees, and what is the turn's own, of a context and an input.

    Each turn of the context is its input, `/`, and what was made of it; "/" is a purged one.
    """
    context: list[Item] = []
    inputs = []
    purged = frozenset(number for number, turn in enumerate(turns) if turn == "/")
    for turn in turns:
        given, _, made = turn.partition("/")
        start = len(context)
        context += items(given)
        inputs.append(range(start, len(context)))
        context += items(made)
    pairing = CallPairing(context, inputs, purged)
    added = pairing.add(items(own))
    return words(pairing.items()), words(added)


def seen(*turns: str, own: str) -> str:
    return paired(*turns, own=own)[0]


def refusal(*turns: str, own: str) -> str:
    with pytest.raises(InvalidRequest) as caught:
        paired(*turns, own=own)
    assert caught.value.param == "input"
    return caught.value.message


NO_OUTPUT = (
    "No tool output found for function call {}. Send it as an item of type function_call_output."
)
NO_CALL = (
    "No tool call found for function call output with call_id {}. "
    "Send the call before its output, or continue with previous_response_id."
)


def test_a_conversation_without_calls_stays_as_it_is() -> None:
    assert paired("u1 / r1 t1", own="u2") == ("u1 r1 t1 u2", "u2")


def test_an_output_belongs_to_the_parents_call() -> None:
    assert paired("u1 / a(x)", own="a=1") == ("u1 a(x) a=1", "a=1")


@pytest.mark.parametrize(
    ("made", "sent"),
    [
        ('a({"n":1,"m":2})', 'a({"m":2,"n":1})'),
        ('a({"n":1})', 'a({"n":1.0})'),
        ("a()", "a({})"),
        ("a({oops)", "a({oops)"),
    ],
)
def test_a_parents_call_that_is_sent_again_is_that_call(made: str, sent: str) -> None:
    assert paired(f"u1 / {made}", own=f"{sent} a=1") == (f"u1 {made} a=1", "a=1")


@pytest.mark.parametrize("sent", ['a({"n":2})', "a({oops)", "b({})"])
def test_a_call_with_other_arguments_is_another_call(sent: str) -> None:
    made, output = 'a({"n":1})', sent[0]
    assert paired(f"u1 / {made}", own=f"{sent} a=1 {output}=2")[1].startswith(sent)


def test_a_call_that_has_its_output_already_is_sent_again_with_the_output() -> None:
    again = "u1 a(x) a=1 u2"
    assert paired("u1 / a(x)", "a=1 / t1", own=again) == (f"u1 a(x) a=1 t1 {again}", again)


def test_a_whole_history_that_is_sent_again_answers_the_parents_call() -> None:
    whole = "u1 a(x) a=1 t1 u2 b(y) b=2"
    result, own = paired("u1 / a(x)", "a=1 / t1", "u2 / b(y)", own=whole)
    assert result == "u1 a(x) a=1 t1 u2 u1 a(x) a=1 t1 u2 b(y) b=2"
    assert own == "u1 a(x) a=1 t1 u2 b=2"


def test_a_whole_history_with_one_id_for_all_calls_keeps_their_outputs_apart() -> None:
    whole = "u1 a(x) a=1 t1 u2 a(y) a=2"
    result, own = paired("u1 / a(x)", "a=1 / t1", "u2 / a(y)", own=whole)
    assert result == f"u1 a(x) a=1 t1 u2 {whole}"
    assert own == "u1 a(x) a=1 t1 u2 a=2"
    turns = "u1 / a(x)", "a=1 / t1", "u2 / a(y)", "u1 a(x) a=1 t1 u2 a=2 / t2"
    assert seen(*turns, own="u3") == f"u1 a(x) a=1 t1 u2 {whole} t2 u3"


def test_calls_of_one_id_in_a_group_stand_in_the_order_of_their_outputs() -> None:
    result = seen("u1 a(x) a=1 / a(y) a(z)", own="u1 a(x) a=1 a(y) a(z) a=2 a=3")
    assert result == "u1 a(x) a=1 u1 a(x) a(y) a(z) a=1 a=2 a=3"


def test_an_output_replaces_that_of_the_call_that_was_answered_last() -> None:
    own = "u1 a(x) a=1 a(y) a=2 u2 a=3"
    result = seen("u1 a(x) a=1 / a(y)", own=own)
    assert result == "u1 a(x) a=1 u1 a(x) a=1 u2 a(y) a=3"


def test_parallel_calls_of_one_id_that_are_sent_again_keep_their_order() -> None:
    assert paired("u1 / a(x) a(y)", own="u1 a(x) a(y) a=1 a=2")[0] == "u1 u1 a(x) a(y) a=1 a=2"


def test_an_output_before_the_call_that_is_sent_again_is_that_calls() -> None:
    assert refusal("u1 / a(x)", own="a=1 a(x)") == NO_OUTPUT.format("a")
    assert seen("u1 / a(x)", own="a=1 a(x) a=2") == "u1 a(x) a=1 a(x) a=2"


def test_a_call_that_is_sent_again_twice_is_still_the_one_that_waits() -> None:
    assert paired("u1 / a(x)", own="a(x) a(x) a=1") == ("u1 a(x) a=1", "a=1")


def test_a_question_and_a_text_that_are_sent_again_stand_before_the_call() -> None:
    assert seen("u1 / t1 a(x)", own="u1 t1 a=1") == "u1 t1 u1 t1 a(x) a=1"


def test_an_id_that_comes_again_has_an_output_in_each_turn() -> None:
    turns = "u1 / a(x)", "a=1 / t1", "u2 / a(y)"
    assert seen(*turns, own="a=2") == "u1 a(x) a=1 t1 u2 a(y) a=2"


def test_an_id_that_comes_again_needs_an_output_again() -> None:
    assert refusal("u1 / a(x)", "a=1 / a(y)", own="u2") == NO_OUTPUT.format("a")


def test_outputs_under_one_id_go_to_the_calls_in_order() -> None:
    assert seen("u1 / a(x) a(y)", own="a=1 a=2") == "u1 a(x) a(y) a=1 a=2"
    assert seen("u1 / a(x) a(y)", own="a=1 u2 a=2") == "u1 a(x) a=1 u2 a(y) a=2"


def test_an_output_for_which_no_call_waits_replaces_the_last_one() -> None:
    turns = "u1 / a(x)", "a=1 / t1", "u2 / a(y)", "a=2 / t2"
    assert seen(*turns, own="u3 a=3") == "u1 a(x) a=1 t1 u2 t2 u3 a(y) a=3"


def test_of_two_outputs_in_one_input_the_later_one_is_sent_and_both_are_kept() -> None:
    assert paired("u1 / a(x)", own="a=1 u2 a=2") == ("u1 u2 a(x) a=2", "a=1 u2 a=2")


def test_an_output_without_a_call_is_refused() -> None:
    assert refusal("u1 / t1", own="a=1") == NO_CALL.format("a")
    assert refusal(own="u1 a=1 a(x)") == NO_CALL.format("a")


@pytest.mark.parametrize("own", ["u2", "b(y) b=1", "a(x)", ""])
def test_a_parents_call_needs_an_output(own: str) -> None:
    assert refusal("u1 / a(x)", own=own) == NO_OUTPUT.format("a")


def test_a_call_of_the_input_needs_an_output() -> None:
    assert refusal(own="u1 a(x) u2") == NO_OUTPUT.format("a")
    assert refusal("u1 / a(x)", "a=1 / t1", own="a(x)") == NO_OUTPUT.format("a")


def test_the_first_call_without_an_output_is_named() -> None:
    assert refusal("u1 / b(x) a(y)", own="u2") == NO_OUTPUT.format("b")


def test_a_call_that_was_cut_is_left_out() -> None:
    assert seen("u1 / a!(x", own="u2") == "u1 u2"


def test_a_call_that_was_cut_and_has_an_output_is_sent() -> None:
    assert seen("u1 / a!(x)", own="a=1") == "u1 a(x) a=1"


def test_halves_that_a_purge_has_left_are_left_out() -> None:
    assert seen("u1 / a(x)", "/", "u2 / t2", own="u3") == "u1 u2 t2 u3"
    assert seen("/", "a=1 / t1", own="u2") == "t1 u2"


def test_a_call_whose_output_is_purged_takes_no_later_calls_output() -> None:
    turns = "u1 / a(x)", "/", "u2 / a(y)"
    assert seen(*turns, own="a=2") == "u1 u2 a(y) a=2"
    assert seen(*turns, "a=2 / t2", own="u3") == "u1 u2 a(y) a=2 t2 u3"


def test_an_output_whose_call_is_purged_replaces_no_earlier_ones() -> None:
    turns = "u1 / a(x)", "a=1 / t1", "/", "a=2 / t2"
    assert seen(*turns, own="u3") == "u1 a(x) a=1 t1 t2 u3"


def test_a_history_that_is_sent_again_outlives_a_purge_of_what_it_repeats() -> None:
    turns = "/", "a=1 / t1", "u2 / a(y)", "u1 a(x) a=1 t1 u2 a=2 / t2"
    assert seen(*turns, own="u3") == "t1 u2 u1 a(x) a=1 t1 u2 a(y) a=2 t2 u3"
    own = "u1 a(x) a=1 t1 u2 a(y) a=2"
    assert seen(*turns[:3], own=own) == f"t1 u2 {own}"


def test_a_call_that_was_cut_takes_no_other_calls_output() -> None:
    assert paired("u1 / a!(x", own="a(y) a=1") == ("u1 a(y) a=1", "a(y) a=1")
    assert seen("u1 / a!(x a(y)", own="a=1") == "u1 a(y) a=1"


def test_a_call_that_a_turn_went_on_without_waits_no_longer_though_nothing_came_of_that_turn() -> (
    None
):
    assert seen("u1 / a(x)", "u2 /", own="u3") == "u1 u2 u3"
    assert seen("u1 / a(x)", "/", own="u3") == "u1 u3"


def test_what_a_purge_has_parted_is_named() -> None:
    context = items("a=0 u1 a(x) u2 t2 b(y)")
    assert CallPairing(context, (range(2), range(3, 4))).half_purged() == {"i0", "i2"}


def test_a_call_moves_down_to_its_output_and_never_the_output_up() -> None:
    assert seen("u1 / a(x) b(y)", own="a=1 u2 b=2") == "u1 a(x) a=1 u2 b(y) b=2"
    assert seen("u1 / a(x)", own="u2 a=1") == "u1 u2 a(x) a=1"


def test_calls_whose_outputs_follow_one_another_are_one_group() -> None:
    assert seen("u1 / a(x) b(y)", own="b=2 a=1") == "u1 a(x) b(y) b=2 a=1"
    assert seen("u1 / a(x) b(y)", own="u2 b=2 a=1") == "u1 u2 a(x) b(y) b=2 a=1"


def test_a_call_that_follows_an_output_is_a_group_of_its_own() -> None:
    assert seen(own="u1 a(x) a=1 b(y) b=2") == "u1 a(x) a=1 b(y) b=2"


def test_a_call_joins_the_group_of_a_later_one_whose_output_follows() -> None:
    own = "u1 a(x) b(y) a=1 d(z) b=2 d=3"
    assert seen(own=own) == "u1 a(x) a=1 b(y) d(z) b=2 d=3"
    assert seen(own="a(x) u1 b(y) a=1 b=2") == "u1 a(x) b(y) a=1 b=2"


def test_text_between_a_call_and_its_output_comes_before_both() -> None:
    assert seen("u1 / a(x) t1 b(y)", own="a=1 b=2") == "u1 t1 a(x) b(y) a=1 b=2"


def test_reasoning_moves_with_its_call() -> None:
    assert seen("u1 / r1 a(x)", own="u2 a=1") == "u1 u2 r1 a(x) a=1"
    assert seen("u1 / r1 t1 a(x)", own="u2 a=1") == "u1 t1 u2 r1 a(x) a=1"
    assert seen("u1 / r1 r2 a(x)", own="u2 a=1") == "u1 u2 r1 r2 a(x) a=1"


def test_reasoning_stays_with_what_stays() -> None:
    assert seen("u1 / r1 t1 r2 a(x)", own="u2 a=1") == "u1 r1 t1 u2 r2 a(x) a=1"
    assert seen("u1 / r1 t1", "u2 / a(x)", own="u3 a=1") == "u1 r1 t1 u2 u3 a(x) a=1"
    assert seen("u1 / r1 a(x) b(y)", own="a=1 u2 b=2") == "u1 r1 a(x) a=1 u2 b(y) b=2"


@pytest.mark.parametrize("made", ["r1 a(x) r2 b(y)", "r1 t1 a(x) b(y)", "t1 r1 a(x) b(y)"])
def test_an_answer_whose_calls_need_not_move_stays_as_it_was(made: str) -> None:
    assert seen(f"u1 / {made}", own="a=1 b=2") == f"u1 {made} a=1 b=2"


def test_reasoning_that_led_to_nothing_does_not_part_a_call_from_its_output() -> None:
    assert seen("u1 / a(x) r1", own="a=1") == "u1 r1 a(x) a=1"


@pytest.mark.parametrize("between", ["h1", "s1", "h1 s1", "s1 r1 h1"])
def test_nothing_that_a_model_reads_stays_between_a_call_and_its_output(between: str) -> None:
    expected = f"{between} a(x) a=1"
    assert seen(own=f"a(x) {between} a=1") == expected
    assert seen(f"a(x) {between} a=1 / t1", own="u2") == f"{expected} t1 u2"
    assert seen("u1 / a(x)", f"{between} a=1 / t1", own="u2") == f"u1 {expected} t1 u2"
    assert seen(f"u1 / a(x) {between}", own="a=1") == f"u1 {expected}"


def test_what_is_in_order_at_first_sight_is_so_once_it_is_paired() -> None:
    found = 0
    for length in range(7):
        for chosen in product(("a(x)", "a=1", "b(y)", "b=1", "u1", "n1"), repeat=length):
            own = " ".join(chosen)
            if is_in_order(items(own)):
                assert paired(own=own) == (own, own)
                found += any("(" in word for word in chosen)
    assert found > 500


@pytest.mark.parametrize(
    "own",
    [
        "u1 a(x) a=1 t1 b(y) b=1 u2",
        "u1 r1 a(x) b(y) c(z) a=1 b=1 c=1 t1",
        "u1 a(x) b(y) b=1 a=1",
        "n1 a(x) a=1 n2",
        "u1 t1 h1 s1",
        "",
    ],
)
def test_usual_histories_are_in_order_at_first_sight(own: str) -> None:
    assert is_in_order(items(own))
