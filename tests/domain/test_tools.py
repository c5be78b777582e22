"""The names under which models know the functions of namespaces (G2)."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.items import FunctionCall
from app.domain.response import Response
from app.domain.stream.call_names import CallNames
from app.domain.stream.deltas import Arguments, CallOpened, Finished
from app.domain.stream.events import ArgumentsDone, ItemAdded, ItemDone
from app.domain.stream.narrate import Narrator
from app.domain.tools import (
    LONGEST_NAME,
    FunctionTool,
    NamespaceTool,
    functions_of,
    own_names,
    qualified,
)
from app.domain.tools.hosted import redacted

NAMES = st.from_regex(r"[a-zA-Z0-9_-]{1,64}", fullmatch=True)


@given(NAMES, NAMES)
def test_a_qualified_name_is_one_that_every_upstream_takes(namespace: str, name: str) -> None:
    found = qualified(namespace, name)
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", found)
    assert found == qualified(namespace, name)


def test_long_names_that_begin_alike_stay_two() -> None:
    long = "n" * LONGEST_NAME
    names = {qualified(long, each) for each in ("a", "b", "a" * 64, "a" * 63 + "b")}
    assert len(names) == 4


def test_a_call_of_a_namespaces_function_is_told_by_its_own_name() -> None:
    tools = (
        FunctionTool("look_up"),
        NamespaceTool("crm", tools=(FunctionTool("look_up"),)),
        NamespaceTool("erp", tools=(FunctionTool("look_up"),)),
    )
    response = Response("resp_1", "m", 1, {}, "in_progress")
    names = CallNames(namespaced=own_names(tools))
    narrator = Narrator(response, lambda prefix: prefix, lambda: 2, names)
    events = []
    for number, function in enumerate(functions_of(tools)):
        key = str(number)
        opened = CallOpened(key, f"call_{key}", function.name)
        events += narrator.hear([opened, Arguments(key, "{}")])
    events += [*narrator.hear([Finished()]), *narrator.finish()]
    calls = [
        FunctionCall("fc", f"call_{number}", "look_up", "{}", namespace=namespace)
        for number, namespace in enumerate((None, "crm", "erp"))
    ]
    assert list(narrator.response.output) == calls
    assert [event.item for event in events if isinstance(event, ItemDone)] == calls
    added = [event.item for event in events if isinstance(event, ItemAdded)]
    assert added == [replace(call, arguments="", status="in_progress") for call in calls]
    assert {event.name for event in events if isinstance(event, ArgumentsDone)} == {"look_up"}


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://crm.example/token/sse?key=1", "https://crm.example"),
        ("https://u:p@CRM.example:8443/", "https://crm.example:8443"),
        ("https://[2001:DB8::1]:8443/token", "https://[2001:db8::1]:8443"),
        ("https://[2001:db8::1]/token", "https://[2001:db8::1]"),
        ("https://[2001:db8::1/token", None),
        (7, None),
    ],
)
def test_of_a_servers_address_its_origin_is_kept(url: object, origin: str | None) -> None:
    assert redacted({"server_url": url}) == {"server_url": origin}
