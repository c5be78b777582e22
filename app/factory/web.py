"""Builds the web process: the WSGI application and its services."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from flask import Flask

from app.api import context, request_log
from app.api.console import data, page
from app.api.endpoints import (
    conversations,
    docs,
    health,
    models,
    responses,
    site,
    usage,
    webhooks,
)
from app.api.hangup import HangUps
from app.api.http import errors
from app.api.http.bodies import let_others_run, pacing
from app.api.http.cors import CrossOrigin
from app.api.http.flask_app import SlimFlask
from app.api.in_flight import InFlight
from app.api.metrics_address import MetricsAddress
from app.api.open_answers import OpenAnswers
from app.api.turns.sessions import WebSocketSessions
from app.factory.core import (
    Core,
    core_of,
    idempotency_store,
    job_broker,
    request_log_store,
    request_meter,
    response_store,
    saturation,
)
from app.factory.retention import copies_of, purges_of
from app.factory.webhooks import webhook_endpoints, webhook_store
from app.providers.base import Provider
from app.schemas.request.body import MAX_BODY_BYTES
from app.schemas.request.items.known import ItemMemory
from app.schemas.request.known_parts import BodyMemory
from app.schemas.request.tools.known import ToolMemory
from app.services.accounts.content_keys import ContentKeys
from app.services.answering.sealing import PayloadSealer
from app.services.background.service import Background
from app.services.background.subscriptions import FeedHub
from app.services.console.reads import ConsoleReads
from app.services.health import Health
from app.services.idempotency.service import IdempotencyKeys
from app.services.limits.meter import Meter
from app.services.limits.request_log import RequestLog
from app.services.live_streams.keeper import LiveStreams
from app.services.responses.archive import Archive
from app.services.responses.replays import StreamReplays
from app.services.responses.service import Responses
from app.settings import RequestSettings, Settings
from app.store.accounts.base import AccountStore
from app.store.accounts.redis import RedisAccountStore
from app.store.connection.client import Client, connect
from app.store.jobs.live_streams import RedisLiveStreamStore
from app.store.key_wrapping import KeyWrapping
from app.store.listings.redis import RedisListings
from app.store.permissions import permissions
from app.store.responses.archive_redis import RedisArchive
from app.store.responses.base import ResponseStore
from app.store.responses.redis import RedisStore
from app.store.spool.delivery import SpoolDelivery
from app.store.spool.folders import SpoolFolders
from app.store.spool.store import SpoolingStore
from app.store.spool.store_identity import StoreIdentity
from app.store.webhooks.redis import RedisWebhookStore
from app.telemetry import Exposition, SaturationSampler, configure_logging

BLUEPRINTS = (
    responses.bp,
    conversations.bp,
    webhooks.bp,
    models.bp,
    usage.bp,
    health.bp,
    docs.bp,
)
#: The blueprints that `[web] console = false` leaves out.
CONSOLE_BLUEPRINTS = (page.bp, data.bp)


def create_app(
    settings: Settings,
    *,
    providers: Mapping[str, Provider] | None = None,
    account_store: AccountStore | None = None,
) -> Flask:
    """Return the WSGI application; arguments that are given replace what settings name."""
    configure_logging(settings.log_level, settings.log_format)
    app = SlimFlask("app.factory")
    app.config.update(MAX_CONTENT_LENGTH=MAX_BODY_BYTES, PROVIDE_AUTOMATIC_OPTIONS=False)
    app.url_map.merge_slashes = False
    services = _services(settings, providers, account_store)
    context.install(app, services)
    errors.register(app)
    request_log.register(app)
    if settings.web.cors_origins:
        CrossOrigin(settings.web.cors_origins).register(app)
    if services.metrics_address is not None:
        services.metrics_address.register(app)
    for blueprint in BLUEPRINTS + (CONSOLE_BLUEPRINTS if settings.web.console else ()):
        app.register_blueprint(blueprint)
    if settings.web.docs:
        app.register_blueprint(site.bp)
    return app


def _services(
    settings: Settings,
    providers: Mapping[str, Provider] | None,
    account_store: AccountStore | None,
) -> context.Services:
    client, prefix = connect(settings.redis), settings.redis.prefix
    redis_store = response_store(settings, client, context.make_room)
    account_store = account_store or RedisAccountStore(client, prefix, redis_store.safety)
    identity = StoreIdentity(client, prefix)
    spool = _spool(settings, redis_store, identity, account_store)
    open_answers = OpenAnswers()
    store = SpoolingStore(redis_store, spool, is_ending=open_answers.is_closed, sleep=time.sleep)
    meter = request_meter(settings, client)
    deliver = spool.deliver_conversation
    core = core_of(settings, client, redis_store, store, account_store, meter, providers, deliver)
    lease_s, wrapping = settings.background.lease_s, KeyWrapping(core.accounts.secret)
    streams = RedisLiveStreamStore(client, prefix, redis_store, lease_s, wrapping)
    background = _background(settings, client, core, streams, spool)
    responses = _responses(settings, core, store, background, streams)
    idempotency = _idempotency(settings, client, core)
    hooks = webhook_store(settings, client, redis_store.safety)
    archive = _archive(settings, client, core, spool, background, responses, idempotency, hooks)
    in_flight = InFlight(settings.requests.max_in_flight, settings.requests.max_body_memory_mb)
    return context.Services(
        responses=responses,
        conversations=core.conversations,
        idempotency=idempotency,
        background=background,
        webhooks=webhook_endpoints(settings, hooks, core.accounts, meter.limiter),
        console=_console(settings, client, meter, deliver),
        accounts=core.accounts,
        content_keys=ContentKeys(core.accounts.secret),
        meter=meter,
        catalog=core.catalog,
        health=_health(settings, client, core, identity, spool),
        hangups=HangUps(),
        in_flight=in_flight,
        body_memory=_body_memory(settings.requests),
        open_answers=open_answers,
        requests=settings.requests,
        archive=archive,
        purges=purges_of(settings, client, core, spool, background),
        request_log=RequestLog(request_log_store(settings, client)),
        spool=spool,
        saturation=_saturation(client, core, in_flight),
        exposition=Exposition(),
        renewals=core.keys.renewals,
        metrics_address=_metrics_address(settings.web.metrics_bind),
        websockets=WebSocketSessions(settings.websocket, settings.web.cors_origins),
    )


def _body_memory(settings: RequestSettings) -> BodyMemory:
    return BodyMemory(ItemMemory(settings.input_cache_mb * 1024 * 1024), ToolMemory())


def _console(
    settings: Settings, client: Client, meter: Meter, deliver: Callable[[str], None]
) -> ConsoleReads:
    listings = RedisListings(client, settings.redis.prefix, let_others_run)
    return ConsoleReads(listings, request_log_store(settings, client), meter, deliver)


def _saturation(client: Client, core: Core, in_flight: InFlight) -> SaturationSampler:
    own = {"in_flight": in_flight.requests_share, "body_memory": in_flight.memory_share}
    return saturation(client, core.router, own)


def _metrics_address(bind: str | None) -> MetricsAddress | None:
    return None if bind is None else MetricsAddress(bind)


def _archive(
    settings: Settings,
    client: Client,
    core: Core,
    spool: SpoolDelivery,
    background: Background,
    responses: Responses,
    idempotency: IdempotencyKeys,
    hooks: RedisWebhookStore,
) -> Archive:
    return Archive(
        RedisArchive(client, settings.redis.prefix, core.jobs.safety),
        core.lookup,
        spool,
        background,
        responses,
        core.accounts,
        core.meter.book,
        RequestLog(request_log_store(settings, client)),
        idempotency,
        hooks,
        copies_of(settings, client, core),
    )


def _idempotency(settings: Settings, client: Client, core: Core) -> IdempotencyKeys:
    sealer = PayloadSealer(core.accounts.secret)
    return IdempotencyKeys(
        idempotency_store(settings, client, core),
        lambda account, key: sealer.pseudonym(account, f"idempotency {key}"),
        settings.background.lease_s,
        time.sleep,
        context.make_room,
    )


def _responses(
    settings: Settings,
    core: Core,
    store: ResponseStore,
    background: Background,
    streams: RedisLiveStreamStore,
) -> Responses:
    return Responses(
        store,
        core.lookup,
        core.preparation,
        background,
        core.meter,
        core.conversations,
        StreamReplays(store, core.jobs.encode, core.jobs.decode, pacing),
        LiveStreams(core.jobs, streams, settings.background.lease_s),
    )


def _background(
    settings: Settings,
    client: Client,
    core: Core,
    streams: RedisLiveStreamStore,
    spool: SpoolDelivery,
) -> Background:
    return Background(
        core.jobs,
        streams,
        core.preparation,
        FeedHub(core.jobs, time.sleep),
        core.meter,
        settings.background,
        job_broker(settings, client, core.jobs).waking,
        time.time,
        lambda account, response_id, key: spool.find(account, response_id, key) is not None,
    )


def _health(
    settings: Settings, client: Client, core: Core, identity: StoreIdentity, spool: SpoolDelivery
) -> Health:
    has_jobs = settings.background.enabled
    allowed = permissions(client, settings.redis)

    def write() -> None:
        identity.probe()
        allowed.require()

    return Health(
        write,
        identity.look,
        lambda: core.jobs.queues().silence_s if has_jobs else None,
        core.breakers.states,
        spool.folders.fault,
        core.keys.resting,
    )


def _spool(
    settings: Settings, store: RedisStore, identity: StoreIdentity, accounts: AccountStore
) -> SpoolDelivery:
    return SpoolDelivery(
        store,
        identity,
        SpoolFolders(settings.spool_dir),
        lambda account: accounts.account(account) is not None,
        sleep=time.sleep,
    )
