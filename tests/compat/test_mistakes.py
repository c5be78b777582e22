"""A mistake is answered with its field and a remedy; docs/mistakes.md says the same."""

from __future__ import annotations

import pytest

from tests.compat.gateway import Gateway
from tests.compat.mistakes import KEY, MISTAKES, Mistake
from tests.compat.mistakes_page import PAGE, answer, text

TYPICAL = 36


@pytest.fixture(scope="module")
def gateway(redis_url: str) -> Gateway:
    made = Gateway(redis_url, "mistakes:")
    made.call("GET", "/v1/models")
    return made


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_answered_with_its_field_and_a_remedy(
    gateway: Gateway, mistake: Mistake
) -> None:
    reply = answer(gateway, mistake)
    error = reply.get_json()["error"]
    found = (reply.status_code, error["code"], error["param"])
    assert found == (mistake.status, mistake.code, mistake.param)
    assert mistake.remedy in error["message"]


def test_there_are_as_many_as_newcomers_make() -> None:
    assert len({mistake.name for mistake in MISTAKES}) == len(MISTAKES) >= TYPICAL


def test_no_key_is_repeated(gateway: Gateway) -> None:
    for mistake in MISTAKES:
        said = answer(gateway, mistake).get_json()["error"]["message"]
        sent = [value.rpartition(" ")[2] for value in mistake.headers.values()]
        assert gateway.key not in said
        assert [secret for secret in sent if secret != KEY and secret in said] == []


def test_the_page_says_what_is_answered(gateway: Gateway) -> None:
    assert PAGE.read_text("utf-8") == text(gateway), "`make compat` writes the page anew"
