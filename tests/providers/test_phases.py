"""The phase of a message is passed on, or named as ignored (R23)."""

from __future__ import annotations

import pytest

from app.domain.items import Message, OutputText
from app.domain.request import ModelRequest, Parameters
from app.providers.anthropic.request import ignored as anthropic
from app.providers.openai_chat.request import ignored as chat
from app.providers.openai_responses.items import to_items
from app.providers.openai_responses.request import ignored as responses
from app.providers.profiles import PROFILES

SAID = Message("m", "assistant", (OutputText("a"),), phase="commentary")
ASKED = ModelRequest(model="m", items=(SAID,), parameters=Parameters(), stream=False)


@pytest.mark.parametrize("ignored", [chat, anthropic])
def test_a_phase_is_named_where_the_format_has_none(ignored: object) -> None:
    assert "input.phase" in ignored(ASKED, PROFILES["generic"])  # type: ignore[operator]


def test_a_phase_is_passed_on_to_a_server_that_reads_it_and_to_no_other() -> None:
    for name, reads in (("openai", True), ("llamacpp", False)):
        profile = PROFILES[name]
        assert ("phase" in to_items((SAID,), profile)[0]) is reads
        assert ("input.phase" not in responses(ASKED, profile)) is reads
