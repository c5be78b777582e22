"""The composition root: the only module that knows every room. Opens no connection."""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from secrets import token_hex

from flask import Flask

from app.api import context
from app.api import request_log as requests
from app.api.endpoints import docs, health, models, responses, usage
from app.api.hangup import HangUps
from app.api.http import errors
from app.api.http.flask_app import SlimFlask
from app.api.in_flight import InFlight
from app.api.open_answers import OpenAnswers
from app.errors import StorageUnavailable
from app.jobs.actors import WorkerLifecycle, declare
from app.jobs.broker import TicketBroker
from app.jobs.process import Channel, WorkerProcess
from app.providers.base import Provider
from app.providers.profiles import is_reasoning_model
from app.providers.registry import build
from app.schemas.request.body import MAX_BODY_BYTES
from app.services.accounts.service import Accounts
from app.services.answering.preparation import Preparation
from app.services.answering.sealing import PayloadSealer
from app.services.background.active_jobs import ActiveJobs
from app.services.background.finisher import JobFinisher
from app.services.background.service import Background
from app.services.background.subscriptions import FeedHub
from app.services.background.supervisor import Supervisor
from app.services.background.unrouted import WAIT_S, Unrouted
from app.services.background.worker import Worker
from app.services.health import Health
from app.services.limits.limiter import RateLimiter
from app.services.limits.meter import Meter
from app.services.limits.usage import UsageBook
from app.services.responses.archive import Archive
from app.services.responses.service import Responses
from app.services.upstreams.breakers import Breakers
from app.services.upstreams.catalog import ModelCatalog
from app.services.upstreams.discovery import Discovery
from app.services.upstreams.retries import RetryPolicy
from app.services.upstreams.router import Router
from app.settings import Settings
from app.store.accounts.base import AccountStore
from app.store.accounts.redis import RedisAccountStore
from app.store.connection.checks import keeping
from app.store.connection.client import Client, connect
from app.store.connection.reasons import reason
from app.store.jobs.redis import RedisJobStore
from app.store.jobs.unrouted import UnroutedJobs
from app.store.rate_limits.redis import RedisRateLimitStore
from app.store.responses.archive_redis import RedisArchive
from app.store.responses.base import ResponseStore
from app.store.responses.redis import RedisStore
from app.store.spool.delivery import SpoolDelivery
from app.store.spool.folders import SpoolFolders
from app.store.spool.store import SpoolingStore
from app.store.spool.store_identity import StoreIdentity
from app.store.usage.redis import RedisUsageStore
from app.telemetry import STORE_FAILURES, breaker_changed, configure_logging, log

#: How long a web process gathers what requests have used before it writes that down.
USAGE_DELAY_S = 0.25
#: For how long a background job may end after its time limit before its thread counts as lost.
SPARE_S = 120.0
BLUEPRINTS = (responses.bp, models.bp, usage.bp, health.bp, docs.bp)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the web process and the worker are both made of."""

    client: Client
    store: RedisStore
    accounts: Accounts
    catalog: ModelCatalog
    breakers: Breakers
    preparation: Preparation
    meter: Meter
    jobs: RedisJobStore


def create_app(
    settings: Settings,
    *,
    providers: Mapping[str, Provider] | None = None,
    account_store: AccountStore | None = None,
) -> Flask:
    """Return the WSGI application; what is given takes the place of what settings name."""
    configure_logging(settings.log_level, settings.log_format)
    app = SlimFlask(__name__)
    app.config.update(MAX_CONTENT_LENGTH=MAX_BODY_BYTES, PROVIDE_AUTOMATIC_OPTIONS=False)
    app.url_map.merge_slashes = False
    context.install(app, _services(settings, providers, account_store))
    errors.register(app)
    requests.register(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    return app


def create_worker(settings: Settings, channel: Channel) -> WorkerProcess:
    """Return a process of a worker, which obeys its master on `channel`."""
    configure_logging(settings.log_level, settings.log_format)
    client = connect(settings.redis)
    kept = _kept(settings, client)
    parts = _parts(settings, client, kept, kept, _meter(settings, client))
    jobs, limits = parts.jobs, settings.background
    broker = _broker(settings, client, jobs)
    active_jobs = ActiveJobs(jobs, time.monotonic, limits.time_limit_s)
    finisher = JobFinisher(jobs, parts.meter, time.time)
    supervisor = Supervisor(jobs, active_jobs, finisher, broker, limits, time.monotonic, time.sleep)
    unrouted = Unrouted(
        UnroutedJobs(client, settings.redis.prefix, limits.lease_s, WAIT_S),
        jobs,
        finisher,
        active_jobs,
        find=_finder(parts),
        begin=lambda job: threading.Thread(target=worker.work_on, args=(job,), daemon=True).start(),
        owner=lambda: token_hex(8),
        room=limits.concurrency,
    )
    worker = Worker(
        jobs,
        parts.preparation,
        finisher,
        active_jobs,
        limits,
        caller_of=parts.accounts.caller,
        send=broker.send,
        leave=unrouted.leave,
        clock=time.monotonic,
        now=time.time,
        pause=time.sleep,
    )
    hub = FeedHub(jobs, time.sleep, supervisor.handle_news)
    broker.add_middleware(WorkerLifecycle(broker, supervisor, hub, limits.lease_s))
    declare(broker, worker.work)
    looking = partial(unrouted.keep_looking, time.sleep)
    return WorkerProcess(broker, supervisor.draining, limits, broker.idle_s, channel, [looking])


def _finder(parts: Parts) -> Callable[[str, str], None]:
    """Return what raises NotFound where the holder of a key finds no such model here."""

    def find(key_id: str, model: str) -> None:
        caller = parts.accounts.caller(key_id)
        if caller is not None:  # else whoever runs its job ends it
            parts.catalog.resolve(model, caller)

    return find


def _broker(settings: Settings, client: Client, jobs: RedisJobStore) -> TicketBroker:
    prefix, concurrency = settings.redis.prefix, settings.background.concurrency
    # A thread may be longer than a job's own limit only while Redis is away, where nobody can say.
    longest_s = settings.background.time_limit_s + SPARE_S
    return TicketBroker(client, prefix, concurrency, jobs.announce, longest_s=longest_s)


def warn_of_storage(settings: Settings) -> None:
    """Log what could lose responses: a Redis that evicts, or keeps nothing on disk."""
    configure_logging(settings.log_level, settings.log_format)
    try:
        servers = keeping(connect(settings.redis))
    except StorageUnavailable as fault:
        log.warning("storage_unavailable", reason=reason(fault))
        return
    for server in servers:
        for warning in server.warnings(settings.redis.wait_replicas):
            log.warning("storage_may_lose_responses", reason=warning)


def deliver_spooled(app: Flask) -> None:
    """Have a process that serves deliver what is spooled; tell of a spool that takes nothing."""
    with app.app_context():
        spool = context.services().spool
    if (fault := spool.folders.begin()) is not None:
        log.error("spool_unwritable", directory=str(spool.folders.directory), reason=fault)
    spool.start()


def _services(
    settings: Settings,
    providers: Mapping[str, Provider] | None,
    account_store: AccountStore | None,
) -> context.Services:
    client = connect(settings.redis)
    kept = _kept(settings, client)
    prefix = settings.redis.prefix
    account_store = account_store or RedisAccountStore(client, prefix, kept.safety)
    identity = StoreIdentity(client, prefix)
    spool = _spool(settings, kept, identity, account_store)
    open_answers = OpenAnswers()
    store = SpoolingStore(kept, spool, is_ending=open_answers.is_closed, sleep=time.sleep)
    meter = _meter(settings, client, USAGE_DELAY_S)
    atexit.register(meter.book.flush)
    parts = _parts(settings, client, kept, store, meter, providers, account_store)
    background = Background(
        parts.jobs,
        parts.preparation,
        FeedHub(parts.jobs, time.sleep),
        parts.meter,
        settings.background,
        _broker(settings, client, parts.jobs).send,
        time.time,
        lambda account, response_id: spool.find(account, response_id) is not None,
    )
    worker_silence_s = parts.jobs.worker_silence_s if settings.background.enabled else lambda: None
    responses = Responses(store, parts.preparation, background, parts.meter)
    kept_for_operators = RedisArchive(client, prefix, kept.safety)
    return context.Services(
        responses=responses,
        background=background,
        accounts=parts.accounts,
        meter=parts.meter,
        catalog=parts.catalog,
        health=Health(identity.probe, worker_silence_s, parts.breakers.states, spool.folders.fault),
        hangups=HangUps(),
        in_flight=InFlight(settings.requests.max_in_flight, settings.requests.max_body_memory_mb),
        open_answers=open_answers,
        requests=settings.requests,
        archive=Archive(kept_for_operators, spool, background, responses, parts.accounts),
        spool=spool,
    )


def _spool(
    settings: Settings, kept: RedisStore, identity: StoreIdentity, accounts: AccountStore
) -> SpoolDelivery:
    return SpoolDelivery(
        kept,
        identity,
        SpoolFolders(settings.spool_dir),
        lambda account: accounts.account(account) is not None,
        sleep=time.sleep,
    )


def _kept(settings: Settings, client: Client) -> RedisStore:
    redis = settings.redis
    # Waiting for replicas must end well before the connection's own patience does.
    return RedisStore(
        client, redis.prefix, wait_replicas=redis.wait_replicas, wait_s=redis.timeout_s / 2
    )


def _parts(
    settings: Settings,
    client: Client,
    kept: RedisStore,
    store: ResponseStore,
    meter: Meter,
    providers: Mapping[str, Provider] | None = None,
    account_store: AccountStore | None = None,
) -> Parts:
    prefix = settings.redis.prefix
    account_store = account_store or RedisAccountStore(client, prefix, kept.safety)
    accounts = Accounts(account_store, settings.limits)
    if settings.bootstrap_key_sha256 and settings.bootstrap_account:
        accounts.bootstrap(settings.bootstrap_key_sha256, settings.bootstrap_account)
    catalog = _catalog(
        settings, providers or {each.name: build(each) for each in settings.providers}
    )
    names = [each.name for each in settings.providers]
    breakers = Breakers(names, time.monotonic, breaker_changed)
    jobs = RedisJobStore(client, prefix, kept, settings.background.lease_s)
    preparation = Preparation(
        store,
        catalog,
        Router(settings.providers, breakers, RetryPolicy()),
        PayloadSealer(accounts.secret),
        _now,
        lambda account, response_id: jobs.status(account, response_id) is not None,
    )
    return Parts(client, kept, accounts, catalog, breakers, preparation, meter, jobs)


def _catalog(settings: Settings, providers: Mapping[str, Provider]) -> ModelCatalog:
    discovered = [providers[each.name] for each in settings.providers if each.discover]
    return ModelCatalog(
        settings.providers,
        settings.models,
        providers,
        Discovery(discovered, time.monotonic),
        is_reasoning_model,
    )


def _meter(settings: Settings, client: Client, usage_delay_s: float = 0.0) -> Meter:
    prefix = settings.redis.prefix
    rate_limits = RedisRateLimitStore(client, prefix)
    limits_away = STORE_FAILURES.labels("limits").inc
    usage_away = STORE_FAILURES.labels("usage").inc
    return Meter(
        RateLimiter(rate_limits, settings.limits, lambda: token_hex(8), limits_away),
        UsageBook(
            RedisUsageStore(client, prefix, rate_limits.adjusting),
            time.time,
            usage_away,
            usage_delay_s,
        ),
    )


def _now() -> int:
    return int(time.time())
