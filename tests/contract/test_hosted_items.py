"""What hosted tools did, as every format sends it on (R24)."""

from __future__ import annotations

import orjson
import pytest

from app.domain.hosted.item import HostedItem
from app.domain.items import InputText, Item, Message, OutputText
from app.domain.request import ModelRequest, Parameters
from app.providers.local import LocalProvider
from app.providers.profiles import Profile, profile_of
from app.providers.registry import FORMATS
from app.providers.writing.hosted import in_words
from app.settings import Api, ProviderSettings
from tests.hosted_items import ITEMS, PICTURE, SCREENSHOT, WEB_SEARCH, WORDS

HELLO = Message("", "user", (InputText("hi"),))
KNOWING = "https://api.openai.com/v1"
PATHS = tuple(f"input[{index}]" for index in range(1, len(ITEMS) + 1))


def asked() -> ModelRequest:
    hosted: tuple[Item, ...] = tuple(
        HostedItem(each["id"], each, path) for each, path in zip(ITEMS, PATHS, strict=True)
    )
    items = (HELLO, *hosted, HELLO)
    return ModelRequest(model="m", items=items, parameters=Parameters(), stream=False)


def profile(api: Api, base_url: str) -> Profile:
    return profile_of(ProviderSettings(name="p", api=api, base_url=base_url))


@pytest.mark.parametrize("api", FORMATS)
def test_a_server_that_does_not_know_them_is_sent_words(api: Api) -> None:
    server = profile(api, "http://unknown.example/v1")
    body = orjson.loads(orjson.dumps(FORMATS[api].to_upstream(asked(), server)))
    sent = "\n".join(_texts(body))
    assert [each for each in WORDS if each not in sent] == []
    assert PICTURE[:20] not in sent
    assert FORMATS[api].ignored(asked(), server) == PATHS


def test_a_server_that_knows_them_is_sent_them_as_they_came() -> None:
    server = profile("responses", KNOWING)
    body = FORMATS["responses"].to_upstream(asked(), server)
    assert tuple(body["input"][1:-1]) == ITEMS
    assert FORMATS["responses"].ignored(asked(), server) == ()


def test_the_local_model_names_them() -> None:
    assert LocalProvider("local").ignored(asked()) == PATHS


@pytest.mark.parametrize("api", FORMATS)
def test_those_of_earlier_turns_are_not_named_again(api: Api) -> None:
    request = ModelRequest(
        model="m",
        items=(HELLO, *(HostedItem(each["id"], each) for each in ITEMS)),
        parameters=Parameters(),
        stream=False,
    )
    assert FORMATS[api].ignored(request, profile(api, "http://unknown.example/v1")) == ()


def test_who_did_it_says_it() -> None:
    search, screenshot = (in_words(HostedItem("x_1", each)) for each in (WEB_SEARCH, SCREENSHOT))
    assert (search.role, type(search.content[0])) == ("assistant", OutputText)
    assert (screenshot.role, type(screenshot.content[0])) == ("user", InputText)


def _texts(value: object) -> list[str]:
    """Return all strings of some JSON."""
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for each in inner for text in _texts(each)]
