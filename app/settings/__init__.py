"""Frozen settings. Nothing else reads os.environ and gateway.toml."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from app.settings import readers
from app.settings.access.jwt import IssuerSettings
from app.settings.errors import SettingsError
from app.settings.file import FileSettings, read_file
from app.settings.found import found_providers
from app.settings.money.budgets import BudgetPeriod, CostBudget, budget_text, read_budgets
from app.settings.money.prices import PriceSettings
from app.settings.pass_through import EVERYTHING_ELSE, HOSTED_TOOLS, OWN_FIELDS
from app.settings.readers import MOST_RETENTION_DAYS
from app.settings.redis.url import parse, read_url
from app.settings.values import (
    Api,
    BackgroundSettings,
    KeySettings,
    KeySource,
    LimitSettings,
    ModelSettings,
    ProviderSettings,
    RedisSettings,
    RequestSettings,
    StorageSettings,
    TracingSettings,
    UnsupportedTools,
    UsageSettings,
    WebhookSettings,
    WebSettings,
    WebSocketSettings,
)
from app.settings.variables.environment import Environment, number
from app.settings.variables.network import NetworkSettings, read_network
from app.settings.variables.tracing import read_tracing

__all__ = [
    "EVERYTHING_ELSE",
    "HOSTED_TOOLS",
    "MOST_RETENTION_DAYS",
    "OWN_FIELDS",
    "Api",
    "BackgroundSettings",
    "BudgetPeriod",
    "CostBudget",
    "IssuerSettings",
    "KeySettings",
    "KeySource",
    "LimitSettings",
    "ModelSettings",
    "NetworkSettings",
    "PriceSettings",
    "ProviderSettings",
    "RedisSettings",
    "RequestSettings",
    "Settings",
    "SettingsError",
    "StorageSettings",
    "TracingSettings",
    "UnsupportedTools",
    "UsageSettings",
    "WebSettings",
    "WebSocketSettings",
    "WebhookSettings",
    "budget_text",
    "read_budgets",
]

#: Directory for what the gateway keeps beside the code: embedded Redis, first key, spool.
DATA = Path("data")
#: File in which `up` writes its Redis's URL, for commands that run beside it.
EMBEDDED_REDIS_URL = DATA / "redis.url"
_FILE = Path("gateway.toml")
_Server = TypeVar("_Server", ProviderSettings, IssuerSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings from outside. `providers` and `models` keep file order.

    `commands_run_at` is when the commands for providers' keys were run, by time.monotonic(); None
    means that they were not, and those keys are missing.
    """

    providers: tuple[ProviderSettings, ...] = ()
    models: tuple[ModelSettings, ...] = ()
    issuers: tuple[IssuerSettings, ...] = ()
    network: NetworkSettings = field(default_factory=NetworkSettings)
    limits: LimitSettings = LimitSettings()
    background: BackgroundSettings = BackgroundSettings()
    requests: RequestSettings = RequestSettings()
    websocket: WebSocketSettings = WebSocketSettings()
    storage: StorageSettings = StorageSettings()
    redis: RedisSettings = RedisSettings()
    usage: UsageSettings = UsageSettings()
    webhooks: WebhookSettings = WebhookSettings()
    web: WebSettings = WebSettings()
    tracing: TracingSettings | None = None
    spool_dir: Path = DATA / "spool"
    log_level: str = "INFO"
    log_format: Literal["json", "text"] = "json"
    bootstrap_key_sha256: str | None = field(default=None, repr=False)
    bootstrap_account: str | None = None
    commands_run_at: float | None = field(default=None, compare=False)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Return the settings of the environment and gateway.toml.

        The file is that of GATEWAY_CONFIG, else ./gateway.toml if it exists. Variables override the
        file. No connection is opened.

        Raises:
            SettingsError: a setting is invalid; the text says which, where and why.
        """
        variables = os.environ if environ is None else environ
        env = Environment(variables)
        web = _web(env)
        file = _file(variables, web.bind)
        web = replace(web, **file.tables.get("web", {}))
        network = read_network(variables, uses_proxies=_uses_proxies(file))
        return cls(
            providers=tuple(_provider(each, network) for each in file.providers),
            models=file.models,
            issuers=tuple(_reached(each, each.jwks_url or "", network) for each in file.issuers),
            network=network,
            limits=LimitSettings(**file.tables.get("limits", {})),
            background=_background(env, file.tables.get("background", {})),
            requests=RequestSettings(**file.tables.get("requests", {})),
            websocket=WebSocketSettings(**file.tables.get("websocket", {})),
            storage=StorageSettings(**file.tables.get("storage", {})),
            usage=UsageSettings(**file.tables.get("usage", {})),
            webhooks=_webhooks(env, file.tables.get("webhooks", {})),
            redis=_redis(env, file.tables.get("redis", {})),
            web=web,
            tracing=read_tracing(variables),
            **_bootstrap(env),
            **env.read(
                spool_dir=("SPOOL_DIR", lambda raw: Path(readers.text(raw))),
                log_level=("LOG_LEVEL", _log_level),
                log_format=("LOG_FORMAT", readers.one_of("json", "text")),
            ),
        )


def config_file(environ: Mapping[str, str] | None = None) -> Path | None:
    """Return the gateway.toml that settings are read from, None if there is none."""
    named = Environment(os.environ if environ is None else environ).given("GATEWAY_CONFIG")
    if named:
        return Path(named)
    return _FILE if _FILE.exists() else None


def worker_class() -> str:
    """Return WORKER_CLASS, which a process must know before it reads the other settings.

    An invalid value is refused later, with the others.
    """
    return Environment(os.environ).given("WORKER_CLASS") or WebSettings().worker_class


def environment(**changes: str) -> dict[str, str]:
    """Return this process's environment with changes, for a child process."""
    return {**os.environ, **changes}


def _file(variables: Mapping[str, str], bind: str) -> FileSettings:
    found = found_providers(variables, bind)
    file = config_file(variables)
    return FileSettings(found) if file is None else read_file(file, variables, found)


def _uses_proxies(file: FileSettings) -> bool:
    return bool(file.tables.get("upstreams", {}).get("use_environment_proxies"))


def _provider(provider: ProviderSettings, network: NetworkSettings) -> ProviderSettings:
    own = provider.proxy
    keys = (replace(e, proxy=own or network.proxy_of(e.base_url)) for e in provider.keys)
    reached = replace(_reached(provider, provider.base_url, network), keys=tuple(keys))
    if any(each.base_url.startswith("https://") for each in provider.keys):
        reached = replace(reached, ca_file=reached.ca_file or network.ca_file)
    return reached


def _reached(server: _Server, url: str, network: NetworkSettings) -> _Server:
    """Return a server's settings, completed by the environment's proxy and certificates."""
    if not url.startswith("https://"):
        return replace(server, proxy=server.proxy or network.proxy_of(url))
    return replace(
        server,
        proxy=server.proxy or network.proxy_of(url),
        ca_file=server.ca_file or network.ca_file,
    )


def _web(env: Environment) -> WebSettings:
    web = WebSettings(
        **env.read(
            bind=("BIND", readers.address),
            metrics_bind=("METRICS_BIND", readers.host_and_port),
            processes=("WEB_CONCURRENCY", number(readers.whole(1))),
            worker_class=("WORKER_CLASS", readers.one_of("gevent", "gthread")),
        )
    )
    # The port tells which of the two a caller has reached.
    if web.metrics_bind and _port(web.metrics_bind) == _port(web.bind):
        raise SettingsError("METRICS_BIND must have another port than BIND")
    return web


def _port(bind: str) -> str:
    return bind.rpartition(":")[2]


def _background(env: Environment, table: Mapping[str, Any]) -> BackgroundSettings:
    variables = env.read(
        concurrency=("WORKER_CONCURRENCY", number(readers.whole(1))),
        lease_s=("WORKER_LEASE_S", number(readers.seconds)),
        metrics_bind=("WORKER_METRICS_BIND", readers.host_and_port),
    )
    return BackgroundSettings(**table, **variables)


def _webhooks(env: Environment, table: Mapping[str, Any]) -> WebhookSettings:
    return WebhookSettings(**table, **env.read(seal_key=("GATEWAY_SECRET", readers.secret)))


def _redis(env: Environment, table: Mapping[str, Any]) -> RedisSettings:
    values = {
        **table,
        **env.read(url=("REDIS_URL", read_url), prefix=("REDIS_PREFIX", readers.prefix)),
    }
    if "url" not in values:
        values["embedded"] = True
        if EMBEDDED_REDIS_URL.exists():
            values["url"] = EMBEDDED_REDIS_URL.read_text("utf-8").strip()
    of_url = parse(values["url"]).settings if "url" in values else {}
    return RedisSettings(**{**values, **of_url})


def _bootstrap(env: Environment) -> dict[str, Any]:
    values = env.read(
        bootstrap_key_sha256=("GATEWAY_BOOTSTRAP_KEY_SHA256", readers.sha256),
        bootstrap_account=("GATEWAY_BOOTSTRAP_ACCOUNT", readers.text),
    )
    if len(values) == 1:
        raise SettingsError(
            "GATEWAY_BOOTSTRAP_KEY_SHA256 and GATEWAY_BOOTSTRAP_ACCOUNT must be set together"
        )
    return values


def _log_level(raw: object) -> str:
    level: str = readers.one_of("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")(
        readers.text(raw).upper()
    )
    return level
