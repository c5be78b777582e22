"""The gateway.toml that the end-to-end tests run with."""

from __future__ import annotations

import json
from collections.abc import Mapping

from tests.e2e.faults import FAULTS, STREAM_FAULTS
from tests.upstream.listeners import Places
from tests.upstream.script import Call, Fail, Script

#: The three formats, each by the name of its provider.
APIS = {
    "chat": "chat_completions",
    "responses": "responses",
    "anthropic": "anthropic_messages",
}

#: Providers that tests may have fail without breaking the good ones' circuits.
TROUBLED = ("troubled-first", "troubled-next", "troubled-and-private", "troubled-and-traceless")

PATIENT_S = 60.0
#: For who is to be timed out before the first word, and for who falls silent after it.
HASTY_S, SILENCE_S = 0.4, 3.0

BROKEN = Script(fail=Fail(status=503)).text()
CALLS_A_FUNCTION = Script(
    tag="functions", calls=(Call(name="files__run", arguments='{"input": "ls"}'),)
).text()


def gateway_toml(
    places: Places, keepalive_s: float, grace_s: float = 30, *, with_faults: bool = False
) -> str:
    """Return the configuration: good providers, and models that fall back.

    `with_faults` adds a provider for each fault, a hundred in all, which each process takes a
    quarter of a second to make.
    """
    tables = [
        _table("requests", {"keepalive_s": keepalive_s, "grace_s": grace_s}),
        _table("providers.local", {"api": "local"}),
    ]
    for provider, api in APIS.items():
        good = {"models": ["steady", "swift"]} if provider == "chat" else {}
        tables.append(_provider(provider, api, places.url, PATIENT_S, good))
        if not with_faults:
            continue
        for fault in FAULTS:
            base_url = _base_url(places, fault.place)
            # Only what is to time out may: a busy machine is no fault.
            more = {"connect_timeout_s": HASTY_S} if fault.place == "deaf" else {}
            timeout_s = HASTY_S if fault.seen.code == "upstream_timeout" else PATIENT_S
            tables.append(_provider(f"{provider}-{fault.name}", api, base_url, timeout_s, more))
        for name in STREAM_FAULTS:
            timeout_s = SILENCE_S if name == "silent" else PATIENT_S
            tables.append(_provider(f"{provider}-stream-{name}", api, places.url, timeout_s, {}))
    tables += [
        _provider("narrow", "chat_completions", places.url, PATIENT_S, {"max_concurrency": 1}),
        _provider("cached", "anthropic_messages", places.url, PATIENT_S, {"prompt_cache": "auto"}),
        # A server that knows the tools of agents.
        _provider("openai", "responses", places.url, PATIENT_S, {"profile": "openai"}),
        _provider("breaking", "chat_completions", places.url, PATIENT_S, {}),
        *(_provider(name, "chat_completions", places.url, PATIENT_S, {}) for name in TROUBLED),
        _model("falls-back", "troubled-first", BROKEN, ["anthropic/steady"]),
        _model(
            "falls-twice", "troubled-first", BROKEN, [f"troubled-next/{BROKEN}", "responses/steady"]
        ),
        _model("falls-to-functions", "openai", BROKEN, [f"chat/{CALLS_A_FUNCTION}"]),
        _model("aliased", "responses", "steady", []),
    ]
    return "\n".join(tables)


def _base_url(places: Places, place: str) -> str:
    return "http://upstream.invalid" if place == "nowhere" else str(getattr(places, place))


def _provider(
    name: str, api: str, base_url: str, timeout_s: float, more: Mapping[str, object]
) -> str:
    settings = {
        "api": api,
        "base_url": base_url + "/v1",
        "api_key_env": "UPSTREAM_KEY",
        "timeout_s": timeout_s,
        "connect_timeout_s": 5.0,
    }
    return _table(f"providers.{name}", settings | dict(more))


def _model(name: str, provider: str, upstream_model: str, fallbacks: list[str]) -> str:
    settings = {"provider": provider, "upstream_model": upstream_model, "fallbacks": fallbacks}
    return _table(f'models."{name}"', settings)


def _table(name: str, settings: Mapping[str, object]) -> str:
    """Return a TOML table; its values are written alike in JSON."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    return "\n".join([f"[{name}]", *lines, ""])
