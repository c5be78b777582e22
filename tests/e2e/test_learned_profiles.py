"""A server whose profile nobody configured is taken for what it says that it is (U22)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import gateway as gateways
from tests.e2e.gateway import Gateway, Keys
from tests.processes import PATIENCE_S, PROGRAM, ROOT
from tests.upstream import client as upstreams
from tests.upstream.client import Upstream
from tests.upstream.script import Script

Json = dict[str, Any]

_PROVIDER = """
[providers.{name}]
api = "chat_completions"
base_url = "{url}/v1"
{more}
"""


@pytest.fixture(scope="module")
def house() -> Iterator[Upstream]:
    """A server of one's own, which can be another one for each test."""
    with upstreams.running() as house:
        yield house


@pytest.fixture
def env(redis_url: str, house: Upstream, tmp_path: Path) -> dict[str, str]:
    config = tmp_path / "gateway.toml"
    tables = [
        _PROVIDER.format(name=name, url=house.places.url, more=more)
        for name, more in (("open", "discover = true"), ("set", 'profile = "ollama"'))
    ]
    config.write_text("\n".join(tables))
    house.reset()
    return gateways.environment(redis_url, config)


@pytest.fixture
def gateway(env: dict[str, str], tmp_path: Path) -> Iterator[Gateway]:
    """A gateway that has learned nothing yet."""
    keys = Keys(*(gateways.make_key(account, env) for account in ("acme", "rival")))
    with gateways.running(env, keys, tmp_path, "gevent", 1) as gateway:
        yield gateway


def _sent(house: Upstream) -> list[Json]:
    return [each["body"] for each in house.requests() if each["method"] == "POST"]


def _doctor(env: Mapping[str, str]) -> dict[str, tuple[str, str, str]]:
    argv = [PROGRAM, "doctor", "--json"]
    result = subprocess.run(  # noqa: S603 - the command is the tests' own
        argv, env=env, cwd=ROOT, capture_output=True, check=False, timeout=PATIENCE_S
    )
    found = [json.loads(line) for line in result.stdout.splitlines()]
    return {each["what"]: (each["state"], each["detail"], each["remedy"]) for each in found}


def test_a_llama_cpp_that_says_so_is_asked_for_a_stream_from_the_second_request_on(
    gateway: Gateway, house: Upstream
) -> None:
    """A whole answer would hold its slot after the caller has hung up."""
    house.arm(*[Script(say="Hi", server="llama.cpp")] * 2)
    for _ in range(2):
        gateway.create("hi", model="open/m")
    assert [body["stream"] for body in _sent(house)] == [False, True]
    assert gateway.logged(event="profile_learned")["profile"] == "llamacpp"


def test_a_vllm_that_owns_its_models_gets_its_reasoning_back_where_it_reads_it(
    gateway: Gateway, house: Upstream
) -> None:
    house.list_models("m", owner="vllm")
    gateway.call("GET", "/v1/models")
    gateway.logged(event="profile_learned")
    call = {"name": "f", "arguments": "{}", "id": "call_1"}
    script = json.dumps({"reasoning": "Hm.", "calls": [call]})
    tools = [{"type": "function", "name": "f", "parameters": {"type": "object"}}]
    first = gateway.create(script, model="open/m", tools=tools)
    output = [{"type": "function_call_output", "call_id": "call_1", "output": "ok"}]
    gateway.create(output, model="open/m", tools=tools, previous_response_id=first["id"])
    (turn,) = (each for each in _sent(house)[-1]["messages"] if each["role"] == "assistant")
    assert turn["reasoning"] == "Hm."


def test_doctor_says_what_a_server_is_and_where_another_is_configured(
    env: dict[str, str], house: Upstream
) -> None:
    house.list_models("m", owner="vllm")
    found = _doctor(env)
    assert found["open"] == ("ok", "models: 1; it reports that it is vllm", "")
    why = "models: 1; it reports that it is vllm, but is treated as ollama"
    assert found["set"] == ("warning", why, 'profile = "vllm": see docs/profiles.md')
