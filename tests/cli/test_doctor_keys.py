"""What `doctor` finds of the keys of providers."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.cli.doctor.upstream_keys import NoKey, one_by_one, resting_at, with_key
from app.settings import KeySettings, KeySource, ProviderSettings

POOL = ProviderSettings(
    name="acme",
    api="chat_completions",
    base_url="https://acme.example/v1",
    keys=(
        KeySettings(id="us", api_key="key-us"),
        KeySettings(id="eu", source=KeySource(command=("/bin/cat", "eu"), folder=Path("/nowhere"))),
    ),
)


def test_each_key_of_a_pool_is_looked_at() -> None:
    us, eu = one_by_one(POOL)
    assert (us.name, us.api_key, us.keys) == ("acme/us", "key-us", ())
    assert eu.name == "acme/eu"
    alone = ProviderSettings(name="one", api="local")
    assert list(one_by_one(alone)) == [alone]


def test_a_command_is_run_for_its_key(tmp_path: Path) -> None:
    (tmp_path / "eu").write_text("key-eu\n")
    command = KeySource(command=("/bin/cat", "eu"), folder=tmp_path)
    one = ProviderSettings(name="one", api="responses", api_key_source=command)
    assert with_key(one).api_key == "key-eu"
    (tmp_path / "eu").unlink()
    with pytest.raises(NoKey, match="its api_key_command ended with status 1"):
        with_key(one)


def test_a_command_that_cannot_be_run_says_so() -> None:
    _, eu = one_by_one(POOL)
    with pytest.raises(NoKey, match="cannot be run"):
        with_key(eu)


def test_keys_that_rest_in_the_gateway_are_named_with_the_time_that_is_left() -> None:
    name = "gateway_upstream_key_rests_until_timestamp_seconds"
    page = (
        f"# TYPE {name} gauge\n"
        f'{name}{{key="eu",provider="acme"}} 1030.2\n'
        f'{name}{{key="us",provider="acme"}} 999.0\n'
        f'{name}{{key="1",provider="other"}} 0.0\n'
    )
    assert resting_at(page, 1000.0) == {"acme": {"eu": 30}}
