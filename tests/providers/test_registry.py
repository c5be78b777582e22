"""Every `api` of gateway.toml makes its provider, or says why it cannot."""

from __future__ import annotations

from typing import Any

import pytest

from app.providers.http import HTTPProvider
from app.providers.local import LocalProvider
from app.providers.registry import build
from app.settings import Api, ProviderSettings, SettingsError

URL = "https://acme.test/v1"


@pytest.mark.parametrize(
    ("api", "kind"),
    [
        ("responses", HTTPProvider),
        ("chat_completions", HTTPProvider),
        ("anthropic_messages", HTTPProvider),
        ("local", LocalProvider),
    ],
)
def test_an_api_has_its_provider(api: Api, kind: type) -> None:
    provider = build(ProviderSettings(name="acme", api=api, base_url=URL))
    assert isinstance(provider, kind)
    assert provider.name == "acme"


@pytest.mark.parametrize(
    "others",
    [{"base_url": "ftp://acme.test"}, {"proxy": "https://a:1"}, {"quirks": {"colour": True}}],
    ids=["url", "proxy", "quirk"],
)
def test_what_cannot_be_used_is_told_with_the_providers_name(others: dict[str, Any]) -> None:
    settings = ProviderSettings(**{"name": "acme", "api": "responses", "base_url": URL} | others)
    with pytest.raises(SettingsError, match=r"\[providers.acme\]"):
        build(settings)


def test_a_header_that_cannot_be_sent_is_refused_without_its_value() -> None:
    settings = ProviderSettings(
        name="a", api="responses", base_url="http://a/v1", headers={"X-Team": " hunter-222"}
    )
    with pytest.raises(SettingsError) as refused:
        build(settings)
    assert "hunter" not in str(refused.value)
    assert refused.value.__cause__ is None
