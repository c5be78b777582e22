"""Calls of shells and of apply_patch in a history, with what they gave (G5)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.built_in.apply_patch import ApplyPatchCall, ApplyPatchCallOutput
from app.domain.built_in.local_shell import LocalShellCall, LocalShellCallOutput
from app.domain.built_in.shell import ShellCall, ShellCallOutput
from app.domain.hosted.item import HostedItem
from app.domain.items import FunctionCallOutput, Item, with_id
from app.errors import InvalidRequest
from tests.services.test_history import OneParent, answer, begun, call, request, seen, user

OPERATION = '{"operation": {"type": "create_file", "path": "a", "diff": "+b"}}'
SHELL = ShellCall("sh_1", "call_s", arguments='{"commands": ["ls"]}', environment={"type": "local"})
LOCAL = LocalShellCall("lsh_1", "call_l", arguments='{"command": ["ls"], "env": {}}')
PATCH = ApplyPatchCall("apc_1", "call_p", arguments=OPERATION)
PAIRS: list[tuple[Item, FunctionCallOutput]] = [
    (SHELL, ShellCallOutput("sho_1", "call_s", "[]", max_output_length=9)),
    (LOCAL, LocalShellCallOutput("lsho_1", "call_l", "a")),
    (PATCH, ApplyPatchCallOutput("apco_1", "call_p", "a", "failed")),
]
pairs = pytest.mark.parametrize(
    ("made", "gave"), PAIRS, ids=["shell", "local_shell", "apply_patch"]
)


@pairs
def test_a_call_is_paired_with_what_it_gave(made: Item, gave: FunctionCallOutput) -> None:
    hm = user("Hm.", "msg_2")
    assert seen(OneParent(output=(made,)), hm, gave) == [hm, made, gave]
    assert seen(OneParent(output=(made,)), with_id(made, ""), gave) == [made, gave]
    plain = answer(gave.call_id, "a", "fco_1")
    assert seen(OneParent(output=(made,)), plain) == [made, plain]


@pairs
def test_a_half_is_refused(made: Item, gave: FunctionCallOutput) -> None:
    for half in (made, gave):
        with pytest.raises(InvalidRequest, match=gave.call_id):
            begun(OneParent(), request(half, parent=None))


@pairs
def test_what_has_no_id_is_given_one_of_its_kind(made: Item, gave: FunctionCallOutput) -> None:
    bare = (with_id(made, ""), with_id(gave, ""))
    thread = begun(OneParent(), request(*bare, parent=None))
    assert [item.id.partition("_")[0] for item in thread.own] == [made.prefix, gave.prefix]
    assert thread.own == tuple(
        with_id(item, given.id) for item, given in zip(bare, thread.own, strict=True)
    )


def test_a_call_that_was_cut_off_is_left_out() -> None:
    cut = replace(PATCH, status="in_progress")
    hi = user("Hi", "msg_2")
    assert seen(OneParent(output=(cut,)), hi) == [hi]


def test_the_output_of_a_local_shell_may_name_the_item_of_its_call() -> None:
    gave = LocalShellCallOutput("lsho_1", "lsh_1", "a")
    paired = replace(gave, call_id="call_l")
    assert seen(OneParent(output=(LOCAL,)), gave) == [LOCAL, paired]
    thread = begun(OneParent(), request(LOCAL, gave, parent=None))
    assert thread.own == (LOCAL, paired)


def test_no_other_output_names_an_item() -> None:
    with pytest.raises(InvalidRequest, match="sh_1"):
        begun(OneParent(output=(SHELL,)), request(ShellCallOutput("", "sh_1", "[]")))


def test_a_call_moves_down_behind_what_a_hosted_tool_did() -> None:
    searched = HostedItem("ws_1", {"type": "web_search_call", "id": "ws_1"})
    made, gave = call("call_1", "fc_1"), answer("call_1", "42", "fco_1")
    before = (made, searched, gave)
    assert seen(OneParent(before=before), hi := user("Hi", "msg_2")) == [searched, made, gave, hi]
