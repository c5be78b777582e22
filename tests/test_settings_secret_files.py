"""Secrets in files, as Docker, Kubernetes and systemd bring them: NAME_FILE in place of NAME."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.cli.common.checked import overruling_variables
from app.settings import KeySource, Settings, SettingsError

SECRET = "sk-proj-0123456789abcdef0123456789abcdef"  # noqa: S105 - not a secret, though it plays one
REDIS = "redis://gateway:pass@redis.example:6379/0"
TOML = '[providers.a]\napi = "chat_completions"\nbase_url = "https://a.example/v1"\n'


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be where no gateway runs."""
    monkeypatch.chdir(tmp_path)


def in_files(**secrets: str) -> dict[str, str]:
    """Write each secret into a file, with a newline behind it, and return the variables."""
    for name, secret in secrets.items():
        Path(name.lower()).write_text(f"{secret}\n")
    return {f"{name}_FILE": str(Path(name.lower()).absolute()) for name in secrets}


def test_redis_and_the_gateways_secret_may_be_in_files() -> None:
    settings = Settings.from_env(in_files(REDIS_URL=REDIS, GATEWAY_SECRET="s" * 40))
    assert (settings.redis.url, settings.redis.embedded) == (REDIS, False)
    assert settings.webhooks.seal_key == "s" * 40


@pytest.mark.parametrize("variable", ["OPENAI_API_KEY", "ANTHROPIC_API_KEY"])
def test_a_vendors_key_may_be_in_a_file_which_is_read_again(variable: str) -> None:
    provider = Settings.from_env(in_files(**{variable: SECRET})).providers[0]
    assert provider.api_key == SECRET
    assert provider.api_key_source == KeySource(Path(variable.lower()).absolute())


def test_a_key_whose_variable_the_file_names_may_be_in_a_file() -> None:
    Path("gateway.toml").write_text(f'{TOML}api_key_env = "MINE"\n')
    provider = Settings.from_env(in_files(MINE=SECRET)).providers[0]
    assert (provider.api_key, provider.api_key_source) == (
        SECRET,
        KeySource(Path("mine").absolute()),
    )


@pytest.mark.parametrize("name", ["REDIS_URL", "GATEWAY_SECRET", "OPENAI_API_KEY"])
def test_a_secret_stands_in_one_place(name: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_env({**in_files(**{name: SECRET}), name: SECRET})
    assert str(refused.value) == f"{name} and {name}_FILE are both set: keep one of them"


@pytest.mark.parametrize("name", ["REDIS_URL", "GATEWAY_SECRET", "OPENAI_API_KEY"])
def test_a_file_that_is_not_there_is_named_by_its_variable(name: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}_FILE names a file that cannot be read: No"):
        Settings.from_env({f"{name}_FILE": "nowhere"})


def test_an_empty_file_is_no_secret() -> None:
    with pytest.raises(SettingsError, match="REDIS_URL_FILE names a file that is empty"):
        Settings.from_env(in_files(REDIS_URL=" "))


def test_what_cannot_be_used_in_a_file_is_not_repeated() -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_env(in_files(REDIS_URL=f"http://{SECRET}"))
    assert SECRET not in str(refused.value)


def test_of_a_key_the_file_of_its_variable_is_the_fault() -> None:
    Path("gateway.toml").write_text(f'{TOML}api_key_env = "MINE"\n')
    with pytest.raises(SettingsError, match=r"api_key_env.*MINE_FILE names a file that cannot"):
        Settings.from_env({"MINE_FILE": "nowhere"})


def test_a_file_in_the_environment_overrules_gateway_toml_as_its_variable_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("gateway.toml").write_text('[redis]\nurl = "redis://elsewhere.example:6379/0"\n')
    for name, value in in_files(REDIS_URL=REDIS).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("REDIS_URL", raising=False)
    assert overruling_variables(Settings.from_env()) == ["REDIS_URL"]


def test_a_reload_reads_a_secret_from_its_file_again() -> None:
    environ = in_files(REDIS_URL=REDIS)
    before = Settings.from_env(environ).redis.url
    in_files(REDIS_URL=REDIS.replace("pass", "other"))
    assert (before, Settings.from_env(environ).redis.url) == (REDIS, REDIS.replace("pass", "other"))
