"""In what detail parts are to be looked at: told, or named as ignored (R1)."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.request import ModelRequest, Parameters
from app.providers.profiles import PROFILES
from app.providers.registry import FORMATS
from app.schemas.request.create import CREATE_REQUEST
from app.settings import Api

IMAGE = {"type": "input_image", "image_url": "https://a.example/b.png"}
FILE = {"type": "input_file", "file_data": "JVBERi0xLjQKJUVPRg=="}
NAMED = ("input.detail",)


def ignored(api: Api, part: dict[str, Any]) -> tuple[str, ...]:
    body = {"model": "m", "input": [{"role": "user", "content": [part]}]}
    request: Any = CREATE_REQUEST.load(body)
    whole = ModelRequest(
        model="m",
        items=request.input,
        parameters=Parameters(),
        stream=False,
        detailed_parts=request.detailed_parts,
    )
    return FORMATS[api].ignored(whole, PROFILES["generic"])


@pytest.mark.parametrize(
    ("api", "part", "named"),
    [
        ("anthropic_messages", IMAGE, NAMED),
        ("anthropic_messages", FILE, NAMED),
        ("chat_completions", IMAGE, ()),
        ("chat_completions", FILE, NAMED),
        ("responses", IMAGE, ()),
        ("responses", FILE, ()),
    ],
)
def test_a_detail_that_cannot_be_told_is_named(
    api: Api, part: dict[str, Any], named: tuple[str, ...]
) -> None:
    assert ignored(api, part | {"detail": "low"}) == named


@pytest.mark.parametrize("detail", [{}, {"detail": None}, {"detail": "auto"}])
@pytest.mark.parametrize("part", [IMAGE, FILE])
def test_whatever_detail_is_no_wish(part: dict[str, Any], detail: dict[str, Any]) -> None:
    assert ignored("anthropic_messages", part | detail) == ()
