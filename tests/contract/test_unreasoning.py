"""Whether a model is sent reasoning: as the configuration says, or else its name (U16)."""

from __future__ import annotations

import orjson
import pytest

from app.domain.items import (
    FunctionCall,
    FunctionCallOutput,
    InputText,
    Item,
    Message,
    Reasoning,
)
from app.domain.request import ModelRequest, Parameters
from app.providers.profiles import PROFILES
from app.providers.registry import FORMATS
from app.settings import Api

#: What each format's server once gave to travel back.
PAYLOADS: dict[Api, dict[str, object]] = {
    "chat_completions": {"chat": 1, "model": "MODEL", "field": "reasoning", "text": "<hm>"},
    "responses": {"id": "rs_1", "encrypted_content": "<hm>"},
    "anthropic_messages": {"type": "thinking", "thinking": "<hm>", "signature": "s"},
}
#: A model that is known to reason and one that is known not to, by the format's names.
MODELS: dict[Api, tuple[str, str]] = {
    "chat_completions": ("o4-mini", "gpt-4.1"),
    "responses": ("o4-mini", "gpt-4.1"),
    "anthropic_messages": ("claude-sonnet-4-5", "claude-3-5-haiku-latest"),
}


def _sends_reasoning(api: Api, model: str, reasons: bool | None) -> bool:
    payload = orjson.dumps(PAYLOADS[api]).decode().replace("MODEL", model)
    items: tuple[Item, ...] = (
        Message("", "user", (InputText("hi"),)),
        Reasoning("", encrypted_content=payload),
        FunctionCall("", "call_1", "f", "{}"),
        FunctionCallOutput("", "call_1", "ok"),
    )
    request = ModelRequest(
        model=model, items=items, parameters=Parameters(), stream=False, reasons=reasons
    )
    body = orjson.dumps(FORMATS[api].to_upstream(request, PROFILES["generic"]))
    return b"<hm>" in body or b"reasoning.encrypted_content" in body


@pytest.mark.parametrize("api", PAYLOADS)
def test_a_models_name_says_whether_it_is_sent_reasoning(api: Api) -> None:
    assert [_sends_reasoning(api, model, None) for model in MODELS[api]] == [True, False]


@pytest.mark.parametrize("api", PAYLOADS)
def test_a_model_that_is_set_not_to_reason_is_sent_no_reasoning(api: Api) -> None:
    assert not _sends_reasoning(api, MODELS[api][0], False)
