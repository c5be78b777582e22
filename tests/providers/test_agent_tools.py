"""Which models are sent the tools of agents as they are (G1-G4)."""

from __future__ import annotations

import pytest

from app.providers.profiles import known_tools, profile_of
from app.settings import ProviderSettings

SHELLS = {"shell", "apply_patch"}
ALL = {"custom", "namespace", "additional_tools", "tool_search", *SHELLS}


def known(model: str, *, profile: str | None = "openai", **quirks: bool) -> set[str]:
    settings = ProviderSettings(name="p", api="responses", profile=profile, quirks=quirks)
    return set(known_tools(model, profile_of(settings)))


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gpt-5.6", ALL),
        ("gpt-6.2-sol", ALL | {"configuration_update"}),
        ("gpt-5.4-mini", ALL),
        ("openai/gpt-5.4", ALL),
        ("our-own-deployment", ALL),
        ("gpt-5", {"custom"}),
        ("gpt-5-mini-2025-08-07", {"custom"}),
        ("gpt-5.3-codex", {"custom", *SHELLS}),
        ("gpt-4.1", set()),
        ("codex-mini-latest", {"local_shell"}),
        ("o3-pro", set()),
        ("ft:gpt-4o-mini", set()),
        ("gpt-oss-120b", set()),
        ("DeepSeek-V4", set()),
    ],
)
def test_a_model_is_sent_what_it_is_old_enough_to_lack_as_functions(
    model: str, expected: set[str]
) -> None:
    assert known(model) == expected
    assert known(model, profile="azure") == expected


@pytest.mark.parametrize("profile", ["azure-deployments", "openrouter", "vllm", None])
def test_other_servers_are_sent_functions(profile: str | None) -> None:
    assert known("gpt-5.6", profile=profile) == set()


def test_an_operator_may_say_what_a_server_knows() -> None:
    assert known("m", profile=None, custom_tools=True, tool_search=True) == {
        "custom",
        "additional_tools",
        "tool_search",
    }
    assert known("gpt-5.6", namespaces=False) == ALL - {"namespace"}
