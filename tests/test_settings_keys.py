"""Where the credentials of providers are: one, or a pool of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.settings import KeySource, ProviderSettings, Settings, SettingsError

A = '[providers.a]\napi = "chat_completions"\nbase_url = "https://a.example/v1"\n'
POOL = "[[providers.a.keys]]\n"
SECRET = "sk-proj-0123456789abcdef0123456789abcdef"  # noqa: S105 - not a secret, though it plays one
ENVIRON = {"EU": SECRET, "PATH": "/usr/bin:/bin"}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("key").write_text(f"{SECRET}\n")


def provider_of(text: str) -> ProviderSettings:
    Path("gateway.toml").write_text(text, "utf-8")
    return Settings.from_env(ENVIRON).providers[0]


def refusal(text: str) -> str:
    with pytest.raises(SettingsError) as refused:
        provider_of(text)
    assert SECRET not in str(refused.value)
    return str(refused.value)


def test_a_pool_keeps_its_order_and_names_who_has_no_name_by_its_place() -> None:
    provider = provider_of(
        A
        + POOL
        + 'id = "eu"\napi_key_env = "EU"\nweight = 3\nmax_concurrency = 7\n'
        + 'base_url = "https://eu.example/v1"\n'
        + POOL
        + 'api_key_file = "key"\n'
    )
    eu, second = provider.keys
    assert (eu.id, eu.api_key, eu.weight, eu.max_concurrency) == ("eu", SECRET, 3, 7)
    assert (eu.base_url, eu.source) == ("https://eu.example/v1", None)
    assert (second.id, second.api_key, second.weight, second.base_url) == ("2", SECRET, 1, "")
    assert second.source == KeySource(Path("key").absolute())
    assert (provider.api_key, provider.api_key_refresh_s) == (None, 300)


def test_a_provider_may_have_the_address_of_its_first_key() -> None:
    text = '[providers.a]\napi = "chat_completions"\n' + POOL + 'api_key_env = "EU"\n'
    assert "needs a base_url" in refusal(text)
    own = text + 'base_url = "https://eu.example/v1"\n'
    assert provider_of(own).base_url == "https://eu.example/v1"


def test_a_key_is_read_from_where_a_command_has_it() -> None:
    provider = provider_of(A + 'api_key_command = ["cat", "key"]\napi_key_refresh_s = 60\n')
    assert provider.api_key is None
    assert provider.api_key_refresh_s == 60
    assert provider.api_key_source is not None
    program, *arguments = provider.api_key_source.command
    assert (Path(program).name, arguments) == ("cat", ["key"])
    assert provider.api_key_source.folder == Path.cwd()


def test_a_program_beside_the_file_is_found_there(tmp_path: Path) -> None:
    script = tmp_path / "bin" / "key"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\n")
    script.chmod(0o700)
    provider = provider_of(A + 'api_key_command = ["bin/key"]\n')
    assert provider.api_key_source is not None
    assert provider.api_key_source.command == (str(script),)


@pytest.mark.parametrize(
    ("keys", "line", "reason"),
    [
        (POOL, 4, "needs one of api_key_env, api_key_file, api_key_command"),
        (POOL + 'api_key_env = "EU"\napi_key_file = "key"\n', 4, "api_key_env and api_key_file"),
        (POOL + 'api_key_env = "EU"\n' + POOL + 'api_key_env = "NO"\n', 7, "which holds no key"),
        (POOL + 'api_key_env = "EU"\n' + POOL + 'api_key_file = "no"\n', 7, "cannot be read"),
        (POOL + 'api_key_env = "EU"\nweight = 0\n', 6, "whole number of at least 1"),
        (POOL + 'api_key_env = "EU"\nwait = 1\n', 6, r"is not a setting (did you mean weight?)"),
        (POOL + f'id = "{SECRET}"\napi_key_env = "EU"\n', 5, "and not the key"),
        (POOL + 'id = "a/b"\napi_key_env = "EU"\n', 5, "must be a name of letters"),
        (
            POOL + 'id = "2"\napi_key_env = "EU"\n' + POOL + 'api_key_env = "EU"\n',
            7,
            "of one before it: 2",
        ),
        ('keys = "EU"\n', 4, "must be tables, each under [[providers.a.keys]]"),
        ("keys = []\n", 4, "has no key"),
        (POOL + 'api_key_command = "cat key"\n', 5, "must be a list of a program"),
        (POOL + "api_key_command = []\n", 5, "must be a list of a program"),
        (POOL + 'api_key_command = ["no-such-program"]\n', 5, "a program that is not there"),
        (POOL + 'api_key_command = ["./key"]\n', 5, "a program that is not there"),
        ('api_key_env = "EU"\n' + POOL + 'api_key_env = "EU"\n', 5, "beside api_key_env"),
        ('api_key_command = ["cat", "key"]\n' + POOL + 'api_key_env = "EU"\n', 5, "beside"),
        ("api_key_refresh_s = 0\n", 4, "seconds above 0"),
    ],
)
def test_a_key_that_leads_nowhere_is_refused_with_its_line(
    keys: str, line: int, reason: str
) -> None:
    said = refusal(A + keys)
    assert said.startswith(f"gateway.toml, line {line}: [")
    assert reason in said


def test_the_place_of_a_bad_key_is_told() -> None:
    said = refusal(A + POOL + 'api_key_env = "EU"\n' + POOL + 'api_key_env = "EU"\nweight = 0\n')
    assert "[[providers.a.keys]] (number 2) weight must be" in said


def test_the_local_model_server_has_no_keys() -> None:
    said = refusal('[providers.l]\napi = "local"\n' + "[[providers.l.keys]]\n")
    assert "keys is not a setting of the local provider" in said
