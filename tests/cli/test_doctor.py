"""What `doctor` finds."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import orjson
import pytest
from click.testing import CliRunner

from app.cli.doctor import upstreams
from app.cli.doctor.command import doctor, examine
from app.cli.doctor.finding import Finding
from app.settings import Api, BackgroundSettings, ProviderSettings, RedisSettings, Settings
from app.store.connection.client import connect
from app.store.spool.files import Spool
from app.store.spool.store_identity import StoreIdentity
from tests.processes import free_port
from tests.providers.raw_server import RawServer, Script, Wire
from tests.store.turns import turn

LOCAL = ProviderSettings(name="local", api="local")


@pytest.fixture
def settings(redis_url: str, tmp_path: Path) -> Settings:
    return Settings(
        redis=RedisSettings(url=redis_url, prefix="doctor:"),
        providers=(LOCAL,),
        background=BackgroundSettings(enabled=False),
        spool_dir=tmp_path / "spool",
    )


def found(settings: Settings) -> dict[str, Finding]:
    return {each.what: each for each in examine(settings)}


def nowhere(**more: object) -> ProviderSettings:
    base_url = f"http://127.0.0.1:{free_port()}/v1"
    configured = ProviderSettings(name="house", api="chat_completions", base_url=base_url)
    return replace(configured, **more)  # type: ignore[arg-type]  # the caller's own words


def test_what_is_looked_at(settings: Settings) -> None:
    assert list(found(settings)) == [
        "settings",
        "redis",
        "clock",
        "permissions",
        "writes",
        "worker",
        "keys",
        "spool",
        "descriptors",
        "local",
    ]


def test_a_provider_that_tells_its_models_is_well(settings: Settings) -> None:
    assert found(settings)["local"] == Finding("local", "ok", "models: 2")


def test_a_gateway_without_any_key_is_warned_of(settings: Settings) -> None:
    assert found(settings)["keys"] == Finding(
        "keys", "warning", "active: 0", "make one: keys create --account NAME"
    )


def test_a_redis_that_is_away_has_failed_with_its_reason(settings: Settings) -> None:
    away = RedisSettings(url=f"redis://127.0.0.1:{free_port()}")
    redis = found(replace(settings, redis=away))["redis"]
    assert redis.state == "failed"
    assert "Connection refused" in redis.detail


def test_a_worker_that_is_missing_has_failed(settings: Settings) -> None:
    worker = found(replace(settings, background=BackgroundSettings()))["worker"]
    assert (worker.state, worker.detail) == ("failed", "none has ever run here")
    assert "responses-gateway worker" in worker.remedy


def test_a_redis_that_refuses_writes_has_failed_with_its_reason(settings: Settings) -> None:
    client = connect(settings.redis)
    client.config_set("min-replicas-to-write", "1")
    try:
        writes = found(settings)["writes"]
    finally:
        client.config_set("min-replicas-to-write", "0")
    assert (writes.state, writes.detail) == ("failed", "NOREPLICAS: Redis has too few replicas")
    assert "min-replicas-to-write" in writes.remedy


def test_a_spool_that_is_not_there_is_not_made(settings: Settings) -> None:
    assert found(settings)["spool"].state == "ok"
    assert not settings.spool_dir.exists()


def test_a_spool_that_takes_nothing_is_warned_of(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    with patch.object(Path, "write_bytes", side_effect=OSError(errno.EROFS, "Read-only")):
        spool = found(settings)["spool"]
    assert (spool.state, spool.detail) == (
        "warning",
        f"{settings.spool_dir} cannot be written to: Read-only",
    )


def test_a_spool_that_can_never_be_made_is_warned_of(settings: Settings) -> None:
    settings.spool_dir.write_text("a file")
    assert found(settings)["spool"].state == "warning"


def test_another_store_for_which_nothing_waits_is_nothing_to_warn_of(settings: Settings) -> None:
    (settings.spool_dir / "store_x").mkdir(parents=True)
    spool = found(settings)["spool"]
    assert spool == Finding("spool", "ok", "responses waiting for this Redis: 0")


def test_answers_that_wait_are_told_of_by_their_store(settings: Settings, tmp_path: Path) -> None:
    with connect(settings.redis) as client:
        own = StoreIdentity(client, settings.redis.prefix).read()
    for folder in (tmp_path / "spool", *(tmp_path / "spool" / name for name in (own, "store_x"))):
        Spool(folder).put(turn())
    spool = found(settings)["spool"]
    assert (spool.state, spool.detail.split("; ")) == (
        "warning",
        [
            "responses waiting for this Redis: 1",
            "of an earlier release, for an unnamed Redis: 1",
            "for another Redis, store_x: 1",
        ],
    )


def test_an_empty_folder_of_another_store_is_nothing_to_warn_of(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "spool" / "store_x").mkdir(parents=True)
    assert found(settings)["spool"] == Finding("spool", "ok", "responses waiting for this Redis: 0")


def test_a_file_named_as_a_store_is_passed_over(settings: Settings) -> None:
    settings.spool_dir.mkdir()
    (settings.spool_dir / "store_x").write_text("a file")
    assert found(settings)["spool"] == Finding("spool", "ok", "responses waiting for this Redis: 0")


@pytest.mark.parametrize(
    ("folder", "state"), [("store_x", "ok"), ("own", "warning")], ids=["another's", "own"]
)
def test_a_folder_that_this_user_may_not_read_ends_nothing(
    settings: Settings, folder: str, state: str
) -> None:
    with connect(settings.redis) as client:
        own = StoreIdentity(client, settings.redis.prefix).read()
    shut = settings.spool_dir / (own if folder == "own" else folder)
    shut.mkdir(parents=True)

    def scan(place: Path, scandir: Callable[[Path], Any] = os.scandir) -> Any:
        if place == shut:
            raise PermissionError(errno.EACCES, "Permission denied")
        return scandir(place)

    with patch("app.store.spool.files.os.scandir", scan):
        spool = found(settings)["spool"]
    assert spool.state == state
    if state == "warning":
        assert spool.detail.endswith("cannot be read by this user: Permission denied")


def test_a_provider_out_of_reach_has_failed(settings: Settings) -> None:
    assert found(replace(settings, providers=(nowhere(),)))["house"].state == "failed"


def test_a_model_server_that_nobody_named_need_not_be_there(settings: Settings) -> None:
    house = nowhere(discover=True)
    finding = found(replace(settings, providers=(house,)))["house"]
    assert finding.state == "warning"
    assert finding.remedy.startswith("nothing, if you have no such server; else see whether it")


def test_another_service_may_have_the_port_of_a_server_that_nobody_named(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def script(wire: Wire) -> None:
        wire.hear()
        wire.answer(b"<h1>Jenkins</h1>", b"HTTP/1.1 404 Not Found\r\n")

    with RawServer(script) as server:
        house = nowhere(discover=True, base_url=f"{server.url}/v1")
        named = found(replace(settings, providers=(house,)))["house"]
        monkeypatch.setattr(upstreams, "MODEL_SERVERS", (house,))
        unnamed = found(replace(settings, providers=(house,)))["house"]
    assert (named.state, unnamed.state) == ("failed", "warning")
    assert unnamed.remedy.startswith("nothing, if you have no such server")


def test_it_prints_a_table_and_fails_with_what_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gateway.toml").write_text('[providers.local]\napi = "local"\n', "utf-8")
    result = CliRunner().invoke(doctor, env={"REDIS_URL": f"redis://127.0.0.1:{free_port()}"})
    assert result.stdout.splitlines()[0].split() == ["WHAT", "STATE", "DETAIL"]
    assert re.search(r"^local +ok +models: 2$", result.stdout, re.MULTILINE)
    assert result.exit_code == 1


def test_it_prints_a_line_of_json_for_each_finding(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gateway.toml").write_text('[providers.local]\napi = "local"\n', "utf-8")
    result = CliRunner().invoke(doctor, ["--json"], env={"REDIS_URL": settings.redis.url})
    assert orjson.loads(result.stdout.splitlines()[-1]) == {
        "what": "local",
        "state": "ok",
        "detail": "models: 2",
        "remedy": "",
    }


def served(owner: str) -> Script:
    """Answer with the list of one model."""

    def script(wire: Wire) -> None:
        wire.hear()
        wire.answer(orjson.dumps({"data": [{"id": "m", "owned_by": owner}]}))

    return script


def azure(heard: list[str]) -> Script:
    """Answer as a resource of Azure's does: it lists models, and no deployment of it does."""

    def script(wire: Wire) -> None:
        request = wire.hear()
        target = request.line.split()[1]
        heard.append(target)
        if request.headers.get("api-key") != "0123abcd":
            body = {"error": {"code": "401", "message": "Access denied due to invalid key."}}
            wire.answer(orjson.dumps(body), b"HTTP/1.1 401 Unauthorized\r\n")
        elif target.partition("?")[0] in ("/openai/models", "/openai/v1/models"):
            wire.answer(orjson.dumps({"data": [{"id": "gpt-5"}, {"id": "gpt-4.1"}]}))
        else:
            body = {"error": {"code": "404", "message": "Resource not found"}}
            wire.answer(orjson.dumps(body), b"HTTP/1.1 404 Not Found\r\n")

    return script


@pytest.mark.parametrize(
    ("path", "profile", "sent", "detail"),
    [
        ("/openai/v1", "azure", "/openai/v1/models", "models: 2"),
        ("/openai/v1/?api-version=v1", "azure", "/openai/v1/models?api-version=v1", "models: 2"),
        (
            "/openai/deployments/our-gpt?api-version=2024-10-21",
            "azure-deployments",
            "/openai/models?api-version=2024-10-21",
            "models: 1",
        ),
        (
            "/openai?api-version=2025-04-01-preview",
            "azure-deployments",
            "/openai/models?api-version=2025-04-01-preview",
            "models: 2",
        ),
    ],
)
@pytest.mark.parametrize("api", ["chat_completions", "responses"])
def test_azure_is_well_by_either_form_of_its_urls(
    api: Api, path: str, profile: str, sent: str, detail: str, settings: Settings
) -> None:
    heard: list[str] = []
    with RawServer(azure(heard)) as server:
        base_url = server.url.removesuffix("/v1") + path
        house = nowhere(api=api, base_url=base_url, profile=profile, api_key="0123abcd")
        result = found(replace(settings, providers=(house,)))["house"]
    assert (result.state, result.detail, heard) == ("ok", detail, [sent])


@pytest.mark.parametrize("path", ["/openai/v1", "/openai/deployments/our-gpt?api-version=1"])
def test_azure_that_refuses_the_key_has_failed(path: str, settings: Settings) -> None:
    with RawServer(azure([])) as server:
        base_url = server.url.removesuffix("/v1") + path
        house = nowhere(base_url=base_url, profile="azure", api_key="wrong")
        result = found(replace(settings, providers=(house,)))["house"]
    assert result.state == "failed"
    assert "401" in result.detail or "key" in result.detail


@pytest.mark.parametrize(
    ("profile", "state", "detail"),
    [
        (None, "ok", "models: 1; it reports that it is vllm"),
        ("vllm", "ok", "models: 1"),
        ("ollama", "warning", "models: 1; it reports that it is vllm, but is treated as ollama"),
    ],
)
def test_what_a_server_says_it_is_is_told_where_it_is_news(
    profile: str | None, state: str, detail: str, settings: Settings
) -> None:
    with RawServer(served("vllm")) as server:
        house = nowhere(base_url=server.url, profile=profile)
        result = found(replace(settings, providers=(house,)))["house"]
    assert (result.state, result.detail) == (state, detail)
