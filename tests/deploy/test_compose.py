"""The Compose file: well-formed, closed, and in step with what it starts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import redis

from app.settings import BackgroundSettings, RedisSettings, RequestSettings, Settings
from app.store.connection.checks import persistence
from app.store.connection.client import connect
from app.store.spool.store_identity import StoreIdentity
from tests.deploy.documents import DEPLOY, Yaml, load, variables
from tests.processes import ROOT
from tests.redis_server import running

COMPOSE = load("compose.yaml")
SERVICES: Yaml = COMPOSE["services"]
OURS = ["web-1", "web-2", "worker"]


FILES = ("compose.yaml", "compose.tls.yaml")
PROMTOOL = shutil.which("promtool")


@pytest.mark.parametrize("name", FILES)
def test_compose_takes_a_file(name: str) -> None:
    schema = json.loads((ROOT / "tests" / "fixtures" / "compose-spec.json").read_text())
    jsonschema.Draft7Validator(schema).validate(load(name))


def test_a_linter_finds_no_more_than_images_without_a_digest() -> None:
    argv = [sys.executable, "-m", "compose_lint", "--format", "json", "compose.yaml"]
    result = subprocess.run(argv, cwd=DEPLOY, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    findings = json.loads(result.stdout)["findings"]
    assert {each["rule_id"] for each in findings} == {"CL-0019"}
    assert result.returncode == 0


@pytest.mark.parametrize("name", FILES)
def test_every_file_that_is_mounted_is_there(name: str) -> None:
    mounts = [
        mount.split(":")[0]
        for service in load(name)["services"].values()
        for mount in service.get("volumes", ())
        if mount.startswith(".")
    ]
    assert mounts
    assert [path for path in mounts if not (DEPLOY / path).exists()] == []


def test_every_secret_network_and_volume_that_a_service_names_is_declared() -> None:
    for kind in ("secrets", "networks"):
        named = {each for service in SERVICES.values() for each in service.get(kind, ())}
        assert named == set(COMPOSE[kind])
    volumes = {m.split(":")[0] for s in SERVICES.values() for m in s["volumes"] if m[0] != "."}
    assert volumes == set(COMPOSE["volumes"])


def test_every_variable_is_one_that_the_gateway_reads() -> None:
    for name in OURS:
        named = {each.removesuffix("_FILE") for each in SERVICES[name]["environment"]}
        assert named - variables() == set()


@pytest.mark.parametrize(
    ("name", "longest_s"),
    [
        ("web-1", RequestSettings().grace_s),
        ("web-2", RequestSettings().grace_s),
        ("worker", BackgroundSettings().drain_s),
    ],
)
def test_a_service_is_given_the_time_that_its_answers_are(name: str, longest_s: float) -> None:
    assert float(SERVICES[name]["stop_grace_period"].removesuffix("s")) >= longest_s + 30


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_can_do_little(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["user"].split(":")[0].isdigit()
    assert service["user"] != "0"
    assert service["mem_limit"]


def test_only_nginx_can_be_reached_from_elsewhere_and_only_web_and_worker_reach_redis() -> None:
    ports = {name: s["ports"] for name, s in SERVICES.items() if "ports" in s}
    assert all(port.startswith("127.0.0.1:") for each in ports.values() for port in each)
    assert set(ports) == {"nginx", "prometheus"}
    assert {name for name, s in SERVICES.items() if "store" in s["networks"]} == {*OURS, "redis"}
    assert all(COMPOSE["networks"][each]["internal"] for each in ("front", "store", "watch"))


def test_nginx_and_prometheus_look_for_the_services_where_they_are() -> None:
    upstream = (DEPLOY / "compose" / "upstream.conf").read_text()
    assert all(f"server {name}:8000 " in upstream for name in ("web-1", "web-2"))
    environment = SERVICES["web-1"]["environment"]
    address = SERVICES["nginx"]["networks"]["front"]["ipv4_address"]
    assert environment["FORWARDED_ALLOW_IPS"] == address
    own, example = load("compose/prometheus.yaml"), load("observability/prometheus.yaml")
    jobs = {job["job_name"]: job["static_configs"][0]["targets"] for job in own["scrape_configs"]}
    assert jobs == {"gateway-web": ["web-1:9102", "web-2:9102"], "gateway-worker": ["worker:9101"]}
    assert set(jobs) == {job["job_name"] for job in example["scrape_configs"]}
    assert environment["METRICS_BIND"].endswith(":9102")
    assert "WORKER_METRICS_BIND=0.0.0.0:9101" in (DEPLOY / "Containerfile").read_text()


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
def test_prometheus_takes_its_configuration(tmp_path: Path) -> None:
    for name in ("compose/prometheus.yaml", "observability/prometheus-rules.yaml"):
        shutil.copy(DEPLOY / name, tmp_path)
    argv = [str(PROMTOOL), "check", "config", str(tmp_path / "prometheus.yaml")]
    result = subprocess.run(argv, capture_output=True, text=True, check=False)  # noqa: S603 - the system's own
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What deploy/compose/make-secrets makes."""
    folder = tmp_path_factory.mktemp("secrets")
    argv = ["sh", str(DEPLOY / "compose" / "make-secrets"), str(folder)]
    environ = {"PATH": os.defpath, "OPENAI_API_KEY": "sk-a"}
    subprocess.run(argv, check=True, env=environ)  # noqa: S603 - ours
    return folder


def test_its_gateway_toml_is_taken_with_the_secrets_that_are_made(secrets: Path) -> None:
    environ = {"GATEWAY_CONFIG": str(DEPLOY / "compose" / "config" / "gateway.toml")}
    for name in SERVICES["web-1"]["secrets"]:
        variable = f"{name.upper()}_FILE"
        assert SERVICES["web-1"]["environment"][variable] == f"/run/secrets/{name}"
        environ[variable] = str(secrets / Path(COMPOSE["secrets"][name]["file"]).name)
    settings = Settings.from_env(environ)
    assert [each.name for each in settings.providers] == ["openai", "local"]
    assert settings.redis.url.endswith("@redis:6379/0")


def test_secrets_that_are_there_stay(secrets: Path) -> None:
    before = {path.name: path.read_text() for path in secrets.iterdir()}
    subprocess.run(  # noqa: S603 - ours
        ["sh", str(DEPLOY / "compose" / "make-secrets"), str(secrets)],  # noqa: S607 - of the system
        check=True,
    )
    assert {path.name: path.read_text() for path in secrets.iterdir()} == before


def test_its_redis_keeps_everything_and_lets_nobody_in_without_a_login(
    secrets: Path, tmp_path: Path
) -> None:
    config = tmp_path / "redis.conf"
    text = (DEPLOY / "compose" / "redis.conf").read_text()
    for place, ours in {
        "/run/secrets/redis_users": secrets / "redis_users.acl",
        "/data": tmp_path,
    }.items():
        assert place in text
        text = text.replace(place, str(ours))
    config.write_text(text)
    password = (secrets / "redis_url").read_text().partition("gateway:")[2].partition("@")[0]
    with running("--include", str(config)) as url, redis.Redis.from_url(url) as client:
        assert client.ping()
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.get("rg:x")
        login = url.replace("unix://", f"unix://gateway:{password}@")
        with connect(RedisSettings(url=login)) as ours_client:
            StoreIdentity(ours_client, "rg:").probe()
            assert [list(each.warnings(0)) for each in persistence(ours_client)] == [[]]
        client.execute_command(
            "AUTH", "operator", (secrets / "redis_operator_password").read_text()
        )
        assert client.config_get("append*")["appendonly"] == "yes"
        assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"
