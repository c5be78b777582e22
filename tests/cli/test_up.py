"""What `up` says when it cannot start: one line, and nothing is left running."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.cli.up.command import up
from app.cli.up.lock import only_one
from tests.processes import free_port


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """Give the suite its own signals back."""
    kept = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for each, handler in kept.items():
        signal.signal(each, handler)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def started(**environ: str) -> Result:
    variables = {"REDIS_URL": "", "BIND": f"127.0.0.1:{free_port()}"} | environ
    return CliRunner().invoke(up, env=variables)


def refusal(result: Result) -> str:
    assert result.exit_code == 1
    assert result.stdout == ""
    return result.stderr


def test_a_taken_port_is_said_before_anything_is_started() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        bind = f"127.0.0.1:{listener.getsockname()[1]}"
        result = refusal(started(BIND=bind))
    assert result.startswith(f"Error: The gateway cannot start: {bind} is in use: ")
    assert [each.name for each in Path("data").iterdir()] == ["up.lock"]


def test_settings_that_cannot_be_used_are_said() -> None:
    Path("gateway.toml").write_text("[redis]\npool = 3\n", "utf-8")
    assert refusal(started()) == (
        "Error: The gateway cannot start: gateway.toml, line 2: [redis] pool is not a setting "
        "(did you mean pool_size?)\n"
    )


def test_a_quirk_that_no_server_has_is_named_with_its_line() -> None:
    text = '[providers.a]\napi = "responses"\nbase_url = "http://a"\nquirks = { odd = true }\n'
    Path("gateway.toml").write_text(text, "utf-8")
    refused = refusal(started())
    assert "start: gateway.toml, line 4: [providers.a] quirks: 'odd' is not known" in refused


def test_a_redis_out_of_reach_is_said_without_its_password() -> None:
    result = refusal(started(REDIS_URL=f"redis://user:secret@127.0.0.1:{free_port()}"))
    assert result.startswith("Error: The gateway cannot start: Redis is unreachable at 127.0.0.1:")
    assert "secret" not in result


def test_an_address_of_redis_that_makes_no_sense_is_said() -> None:
    result = refusal(started(REDIS_URL="redis://one:1,two:2"))
    assert "REDIS_URL names several hosts" in result


def test_a_second_one_on_the_same_data_is_refused() -> None:
    with only_one(Path("data"), "127.0.0.1:1"):
        result = refusal(started())
    assert f"the gateway of this folder (pid {os.getpid()}) already runs here" in result
    assert result.endswith(" at 127.0.0.1:1.\n")


def test_a_folder_that_nothing_can_be_written_to_is_said() -> None:
    Path("data").write_text("", "utf-8")  # permissions would not keep root out
    result = refusal(started())
    assert result.startswith(f"Error: The gateway cannot start: {Path('data').absolute()}, where ")
    assert "cannot be used: File exists" in result
