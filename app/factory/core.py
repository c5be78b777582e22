"""Builds what the web process and the worker have in common."""

from __future__ import annotations

import atexit
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from secrets import token_hex

from redis import Redis

from app.descriptors import used
from app.domain.ids import IdGenerator
from app.factory.upstream_keys import UpstreamKeys, upstream_keys
from app.jobs.broker import WakeUpBroker
from app.providers.base import Provider
from app.providers.documents.source import LocalDocument, RemoteDocument
from app.providers.prices.library import NO_PRICES, HostPrices, PriceLibrary
from app.providers.profiles import sampling_efforts
from app.providers.registry import build
from app.randomness import random_bytes
from app.schemas.wire.echo import echo
from app.services.accounts.service import Accounts
from app.services.accounts.tokens.key_set import KeySet
from app.services.accounts.tokens.verifier import TokenVerifier
from app.services.answering.preparation import Preparation
from app.services.answering.sealing import PayloadSealer
from app.services.background.withdrawals import Withdrawals
from app.services.conversations.service import Conversations, context_of
from app.services.limits.limiter import RateLimiter
from app.services.limits.meter import Meter
from app.services.limits.usage import UsageBook
from app.services.responses.lookup import ResponseLookup
from app.services.upstreams.breakers import Breakers
from app.services.upstreams.catalog import ModelCatalog
from app.services.upstreams.discovery import Discovery
from app.services.upstreams.retries import RetryPolicy
from app.services.upstreams.router import Router
from app.settings import IssuerSettings, Settings, TracingSettings
from app.store.accounts.base import AccountStore
from app.store.connection.client import Client
from app.store.connection.pool import RedisPool
from app.store.conversations.redis import RedisConversationStore
from app.store.idempotency.redis import RedisIdempotencyStore
from app.store.jobs.redis import RedisJobStore
from app.store.key_wrapping import KeyWrapping
from app.store.rate_limits.redis import RedisRateLimitStore
from app.store.responses.base import ResponseStore
from app.store.responses.redis import RedisStore
from app.store.room import Room, unbounded
from app.store.spool.store_identity import StoreIdentity
from app.store.spool.usage import SpooledUsage
from app.store.usage.redis import RedisUsageStore
from app.store.usage.request_log import RedisRequestLog
from app.telemetry import STORE_FAILURES, SaturationSampler, breaker_changed, log
from app.telemetry.tracing import Sampler, start_tracing

#: Seconds after its time limit at which a background job's thread counts as lost.
SPARE_S = 120.0
#: Seconds after which a worker looks for jobs even if nobody has woken it.
LOOK_S = 1.0
#: Seconds that an account's usage waits to be written together with that of other requests.
USAGE_DELAY_S = 0.25


@dataclass(frozen=True, slots=True)
class Core:
    """The services that both processes have, and the jobs that one hands to the other."""

    accounts: Accounts
    catalog: ModelCatalog
    breakers: Breakers
    keys: UpstreamKeys
    lookup: ResponseLookup
    conversations: Conversations
    preparation: Preparation
    meter: Meter
    jobs: RedisJobStore
    router: Router


def core_of(
    settings: Settings,
    client: Client,
    redis_store: RedisStore,
    store: ResponseStore,
    account_store: AccountStore,
    meter: Meter,
    providers: Mapping[str, Provider] | None = None,
    deliver: Callable[[str], None] = lambda _tag: None,
) -> Core:
    """Return these services; `store` keeps responses, in `redis_store` or on the way there.

    `deliver` moves what is on the way to a conversation, given its tag, into the store.
    """
    accounts = _accounts(settings, account_store)
    providers = providers or {each.name: build(each) for each in settings.providers}
    catalog = _catalog(settings, providers)
    keys = upstream_keys(settings, providers)
    meter.label_of = catalog.label
    names = [each.name for each in settings.providers]
    breakers = Breakers(names, time.monotonic, breaker_changed)
    prefix, lease_s = settings.redis.prefix, settings.background.lease_s
    jobs = RedisJobStore(client, prefix, redis_store, lease_s, KeyWrapping(accounts.secret))
    jobs.take_back = Withdrawals(jobs.withdraw).take_back
    lookup, ids = ResponseLookup(store, jobs), IdGenerator(random_bytes)
    conversations = Conversations(
        RedisConversationStore(client, prefix, redis_store.safety, room=redis_store.room),
        store,
        ids,
        deliver,
        _now,
    )
    router = Router(settings.providers, breakers, RetryPolicy(), keys=keys.of_provider)
    preparation = Preparation(
        store,
        catalog,
        router,
        PayloadSealer(accounts.secret),
        ids,
        _now,
        context_of(conversations, lookup.context),
        echo,
        remembers=settings.requests.input_cache_mb > 0,
    )
    return Core(
        accounts, catalog, breakers, keys, lookup, conversations, preparation, meter, jobs, router
    )


def _accounts(settings: Settings, store: AccountStore) -> Accounts:
    tokens, days = token_verifier(settings.issuers), settings.storage.retention_days
    accounts = Accounts(store, settings.limits, days, tokens=tokens)
    if settings.bootstrap_key_sha256 and settings.bootstrap_account:
        accounts.bootstrap(settings.bootstrap_key_sha256, settings.bootstrap_account)
    return accounts


def token_verifier(issuers: Sequence[IssuerSettings]) -> TokenVerifier | None:
    """Return the verifier of these issuers' tokens, None if there are no issuers."""
    if not issuers:
        return None
    return TokenVerifier(
        (each, KeySet(each, key_document(each).fetch, time.monotonic)) for each in issuers
    )


def key_document(issuer: IssuerSettings) -> RemoteDocument | LocalDocument:
    """Return the source of an issuer's keys."""
    what = f"the key set of issuer {issuer.name}"
    if issuer.jwks_file is not None:
        return LocalDocument(issuer.jwks_file, what)
    return RemoteDocument(
        issuer.jwks_url or "",
        what,
        ca_file=issuer.ca_file,
        token_file=issuer.token_file,
        proxy=issuer.proxy,
    )


def response_store(settings: Settings, client: Client, room: Room = unbounded) -> RedisStore:
    """Return the response store in Redis, which reads long content once there is room for it."""
    redis = settings.redis
    # Waiting for replicas must end well before the connection's own time-out does.
    return RedisStore(
        client,
        redis.prefix,
        wait_replicas=redis.wait_replicas,
        wait_s=redis.timeout_s / 2,
        room=room,
    )


def request_meter(settings: Settings, client: Client) -> Meter:
    """Return the limits and the usage book, which is closed when the process ends."""
    prefix = settings.redis.prefix
    rate_limits = RedisRateLimitStore(client, prefix)
    limits_away = STORE_FAILURES.labels("limits").inc
    usage_away = STORE_FAILURES.labels("usage").inc
    store = RedisUsageStore(
        client, prefix, rate_limits.adjusting, request_log_store(settings, client).appending
    )
    book = UsageBook(
        store,
        time.time,
        usage_away,
        USAGE_DELAY_S,
        spool=SpooledUsage(store, StoreIdentity(client, prefix), settings.spool_dir),
        logs_requests=settings.storage.request_log > 0,
    )
    limiter = RateLimiter(
        rate_limits, settings.limits, lambda: token_hex(8), limits_away, book.withdraw
    )
    atexit.register(book.close)
    return Meter(limiter, book, time.time, settings.usage.metadata_keys)


def request_log_store(settings: Settings, client: Client) -> RedisRequestLog:
    """Return the request log in Redis."""
    return RedisRequestLog(client, settings.redis.prefix, settings.storage.request_log)


def idempotency_store(settings: Settings, client: Client, core: Core) -> RedisIdempotencyStore:
    """Return the store, in Redis, of the results of requests with an Idempotency-Key."""
    lease_s, safety = settings.background.lease_s, core.jobs.safety
    return RedisIdempotencyStore(client, settings.redis.prefix, lease_s, safety)


def trace_with(settings: TracingSettings | None) -> None:
    """Have this process, which has forked and serves, trace as configured."""
    if settings is None:
        return
    if settings.fault is not None:
        log.error("tracing_off", reason=settings.fault, remedy="correct the variable, and restart")
        return
    start_tracing(
        sampler=Sampler.named(settings.sampler, settings.ratio),
        headers=settings.headers,
        most=settings.max_waiting,
        batch=settings.batch,
        delay_s=settings.delay_s,
        captures_content=settings.captures_content,
    )


def job_broker(settings: Settings, client: Client, jobs: RedisJobStore) -> WakeUpBroker:
    """Return the broker that wakes workers."""
    prefix, concurrency = settings.redis.prefix, settings.background.concurrency
    # A thread may take longer than a job's own limit only while Redis is unreachable.
    longest_s = settings.background.time_limit_s + SPARE_S
    return WakeUpBroker(
        client, prefix, concurrency, jobs.announcement, longest_s=longest_s, look_s=LOOK_S
    )


def _catalog(settings: Settings, providers: Mapping[str, Provider]) -> ModelCatalog:
    discovered = [providers[each.name] for each in settings.providers if each.discover]
    published = _published(settings)
    return ModelCatalog(
        settings.providers,
        settings.models,
        providers,
        Discovery(discovered, time.monotonic),
        sampling_efforts,
        context_window_of=lambda provider, model: published[provider].context_window(model),
        tariff_of=lambda provider, model: published[provider].tariff(model),
    )


def _published(settings: Settings) -> dict[str, HostPrices]:
    """Return the published facts on each provider's models, by the provider's name (M1)."""
    urls = {each.name: each.base_url for each in settings.providers}
    if not any(url.startswith("https://") for url in urls.values()):
        return dict.fromkeys(urls, NO_PRICES)  # vendors are reached by https only
    library = PriceLibrary.of_file()
    return {name: library.at(url) for name, url in urls.items()}


def _now() -> int:
    return int(time.time())


def saturation(
    client: Client, router: Router, resources: Mapping[str, Callable[[], float]]
) -> SaturationSampler:
    """Return the sampler of how near a process is to its bounds: `resources` and common ones."""
    slots = {f"provider:{name}": share for name, share in router.slot_shares().items()}
    found = {**resources, **slots, "descriptors": used}
    if isinstance(client, Redis):  # a Cluster has a pool for each node
        pool = client.connection_pool
        if isinstance(pool, RedisPool):
            found["redis_pool"] = pool.share
    return SaturationSampler(found)
