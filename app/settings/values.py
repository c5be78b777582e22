"""The settings as values, one class for each table of gateway.toml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from app.settings.money.budgets import CostBudget
from app.settings.money.prices import PriceSettings

Api = Literal["responses", "chat_completions", "anthropic_messages", "local"]
UnsupportedTools = Literal["refuse", "drop"]
UnknownParameters = Literal["ignore", "refuse"]
PromptCache = Literal["auto", "off"]

#: Reasoning efforts, from least to most (R10).
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
#: Input modalities of models that the gateway can send.
MODALITIES = ("text", "image", "file")
#: Seconds without taking a job, or being able to, after which a worker counts as down.
WORKER_SILENCE_S = 15.0


@dataclass(frozen=True, slots=True)
class KeySource:
    """Where a credential can be read again: a `file`, or what `command` prints, run in `folder`."""

    file: Path | None = None
    command: tuple[str, ...] = field(default=(), repr=False)
    folder: Path = Path()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySettings:
    """A `[[providers.NAME.keys]]` table. `base_url` "" means the provider's, and so its `proxy`.

    `api_key` is None until its source, a command, has been run.
    """

    id: str
    api_key: str | None = field(default=None, repr=False)
    source: KeySource | None = None
    weight: int = 1
    base_url: str = ""
    proxy: str | None = field(default=None, repr=False)
    max_concurrency: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSettings:
    """A `[providers.NAME]` table. Times are in seconds.

    `api_key` was read from `api_key_source`, if that can be read again. `keys` replace it if there
    are several. `api_key_refresh_s` is the interval at which commands for keys are run.

    `timeout_s` limits the wait for the first byte and each silence after it, `deadline_s` a whole
    call. `keep_alive` allows a connection to be reused once its answer was read to the end.
    `profile` names a set of quirks (providers.profiles), `quirks` overrides single ones.
    `prompt_cache` says whether prompts are marked for the server's cache; None leaves it to the
    profile. `discover` says that the upstream's own model list is requested and refreshed.
    `forward` names request fields that are sent unchanged (P1), `hosted_tools` the types of tools
    that the server runs itself (P2); `reasoning_text` says that reasoning is shown as reasoning
    text, not as a summary (A3).
    """

    name: str
    api: Api
    base_url: str = ""
    api_key: str | None = field(default=None, repr=False)
    api_key_source: KeySource | None = None
    api_key_refresh_s: float = 300.0
    keys: tuple[KeySettings, ...] = ()
    models: tuple[str, ...] = ()
    discover: bool = False
    timeout_s: float = 600.0
    connect_timeout_s: float = 5.0
    deadline_s: float = 3600.0
    max_concurrency: int | None = None
    keep_alive: bool = True
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    proxy: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    profile: str | None = None
    quirks: Mapping[str, Any] = field(default_factory=dict)
    prompt_cache: PromptCache | None = None
    forward: tuple[str, ...] = ()
    hosted_tools: tuple[str, ...] = ()
    reasoning_text: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """A `[models."ID"]` table.

    `reasoning` None leaves that to the model's profile, `price` None to its vendor's published
    prices. Lists of models show `context_window`, `input_modalities`, `reasoning_efforts`,
    `display_name` and `base_instructions`, the text of a file.
    """

    id: str
    provider: str
    upstream_model: str | None = None
    reasoning: bool | None = None
    fallbacks: tuple[str, ...] = ()
    max_output_tokens: int | None = None
    context_window: int | None = None
    input_modalities: tuple[str, ...] | None = None
    reasoning_efforts: tuple[str, ...] | None = None
    display_name: str | None = None
    base_instructions: str | None = field(default=None, repr=False)
    price: PriceSettings | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSettings:
    """The `[limits]` table: defaults for every account; None is unlimited.

    `when_store_is_away`: requests pass uncounted (open) or are refused (closed) without Redis.
    """

    requests_per_minute: int | None = None
    requests_per_day: int | None = None
    tokens_per_minute: int | None = None
    max_in_flight: int | None = None
    max_stored_bytes: int | None = None
    budget: tuple[CostBudget, ...] | None = None
    when_store_is_away: Literal["open", "closed"] = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageSettings:
    """The `[usage]` table. Usage is also counted by the values of these metadata keys."""

    metadata_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BackgroundSettings:
    """The `[background]` table, WORKER_CONCURRENCY, WORKER_LEASE_S and WORKER_METRICS_BIND.

    `drain_s` is the time for jobs with output when their worker is stopped or reloaded, `grace_s`
    when that is urgent. `metrics_bind` is where the worker serves its own metrics.
    """

    enabled: bool = True
    time_limit_s: float = 800.0
    drain_s: float = 800.0
    grace_s: float = 25.0
    max_queued_per_account: int = 1000
    concurrency: int = 200
    lease_s: float = 30.0
    metrics_bind: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSettings:
    """The `[requests]` table. `keepalive_s` is how long a stream may be silent before a comment.

    `grace_s` is the time that running answers get when the web process is stopped. `input_cache_mb`
    is the size of each process's cache of input items; 0 for none.
    """

    unsupported_tools: UnsupportedTools = "refuse"
    unknown_parameters: UnknownParameters = "ignore"
    max_in_flight: int = 1000
    max_body_memory_mb: int = 512
    input_cache_mb: int = 32
    keepalive_s: float = 15.0
    grace_s: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSocketSettings:
    """The `[websocket]` table. Its limits are per process; times are in seconds.

    A connection is closed `max_age_s` after it was opened, and once it had no request for `idle_s`.
    `memory_mb` is for responses that were not stored, until they are continued.
    """

    enabled: bool = True
    max_sessions: int = 1000
    max_sessions_per_key: int = 100
    max_age_s: float = 3600.0
    idle_s: float = 900.0
    memory_mb: int = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSettings:
    """The `[storage]` table. `request_log` is the log's maximum number of entries, 0 for none.

    `retention_days` is how many days stored data is kept, None for ever, 0 not at all.
    """

    retention_days: int | None = None
    request_log: int = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """The `[webhooks]` table. `timeout_s` limits a whole attempt.

    `allow_private_addresses` also allows http://. `seal_key` is GATEWAY_SECRET: secrets in Redis
    are sealed with it, in addition to the secret that is in Redis itself.
    """

    allow_private_addresses: bool = False
    timeout_s: float = 10.0
    seal_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisSettings:
    """REDIS_URL, REDIS_PREFIX and the `[redis]` table. Times are in seconds.

    `embedded` is true if no Redis is configured: then `up` starts its own.
    """

    url: str = field(default="redis://127.0.0.1:6379/0", repr=False)
    embedded: bool = False
    prefix: str = "rg:"
    pool_size: int = 64
    connect_timeout_s: float = 2.0
    timeout_s: float = 5.0
    wait_replicas: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """BIND, METRICS_BIND, WEB_CONCURRENCY (processes; None means one per core) and WORKER_CLASS.

    `metrics_bind` moves /metrics away from `bind`; None leaves it there. `console` and `docs` of
    the `[web]` table enable /console and /docs. `cors_origins` are the origins of web pages that
    may read answers, "*" for all.
    """

    bind: str = "127.0.0.1:8000"
    metrics_bind: str | None = None
    processes: int | None = None
    worker_class: str = "gevent"
    console: bool = True
    cors_origins: tuple[str, ...] = ()
    docs: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TracingSettings:
    """The settings in OpenTelemetry's variables. `headers` are sent to the collector.

    At most `max_waiting` spans wait, about `batch` are sent together, `delay_s` after the first.
    `fault` says why tracing is impossible.
    """

    sampler: str = "parentbased_always_on"
    ratio: float = 1.0
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    max_waiting: int = 2048
    batch: int = 128
    delay_s: float = 1.0
    captures_content: bool = False
    fault: str | None = None


#: The built-in model server, present unless gateway.toml says otherwise.
LOCAL = ProviderSettings(name="local", api="local", discover=True)
