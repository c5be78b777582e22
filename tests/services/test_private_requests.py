"""Of what is sent of an encrypted conversation nothing is remembered."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from app.domain.accounts.accounts import Caller
from app.domain.accounts.content_key import ContentKey
from app.domain.items import FunctionCall, FunctionCallOutput, Item
from app.domain.request import CreateRequest, ModelRequest, Parameters
from app.domain.turns.turn import Thread
from app.providers.openai_chat.request import to_upstream
from app.providers.profiles.choice import PROFILES
from app.services.answering.prepared.model_requests import ModelRequests
from app.services.answering.prepared.request import PreparedRequest
from app.services.answering.sealing import PayloadSealer
from app.services.upstreams.catalog import Target
from tests.services.scripted import ScriptedProvider

TARGET = Target("m", ScriptedProvider("p"), "m")


def history() -> tuple[Item, ...]:
    items: list[Item] = []
    for number in range(40):
        items.append(FunctionCall("", f"call_{number}", "f", "{}"))
        items.append(FunctionCallOutput("", f"call_{number}", "done"))
    return tuple(items)


def is_private(content_key: Any, *, remembers: bool) -> bool:
    caller = Caller(account="acme", key_id="key_1", content_key=content_key)
    request: Any = CreateRequest(model="m", input=())
    response: Any = None
    thread = Thread("resp_1", history(), ())
    prepared = PreparedRequest(caller, request, (TARGET,), thread, response)
    requests = ModelRequests(PayloadSealer(lambda: b"secret"), remembers=remembers)
    return requests.answer(prepared, thread.items, TARGET).is_private


def test_a_request_is_private_by_its_key_or_by_the_settings() -> None:
    key = ContentKey("acme", b"k" * 32)
    assert not is_private(None, remembers=True)
    assert is_private(key, remembers=True)
    assert is_private(None, remembers=False)


@pytest.mark.parametrize("is_private", [False, True])
def test_of_a_private_request_no_messages_are_kept(is_private: bool) -> None:
    request = ModelRequest(
        model="m", items=history(), parameters=Parameters(), stream=False, is_private=is_private
    )
    sent = [to_upstream(request, PROFILES["generic"])["messages"] for _ in range(3)]
    assert [len(each) for each in sent] == ([80] * 3 if is_private else [80, 3, 3])
    assert len({orjson.dumps(each) for each in sent}) == 1
