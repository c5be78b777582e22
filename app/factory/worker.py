"""Builds the worker: a process that runs background responses."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from queue import PriorityQueue
from secrets import token_hex
from typing import Any

from app.domain.accounts.accounts import Principal
from app.factory.core import (
    Core,
    core_of,
    job_broker,
    request_meter,
    response_store,
    saturation,
    trace_with,
)
from app.factory.retention import sweep_of
from app.factory.webhooks import webhook_dispatcher, webhook_store
from app.jobs.actors import WorkerLifecycle, declare
from app.jobs.process import Channel, WorkerProcess
from app.services.accounts.recent_callers import RecentCallers
from app.services.background.active_jobs import ActiveJobs
from app.services.background.finisher import JobFinisher
from app.services.background.subscriptions import FeedHub
from app.services.background.supervisor import Supervisor
from app.services.background.unrouted import WAIT_S, Unrouted
from app.services.background.worker import Worker
from app.services.webhooks.dispatcher import Dispatcher
from app.settings import Settings
from app.store.accounts.redis import RedisAccountStore
from app.store.connection.client import Client, connect
from app.store.jobs.redis import RedisJobStore
from app.store.jobs.unrouted import UnroutedJobs
from app.store.key_wrapping import KeyWrapping
from app.telemetry import configure_logging

#: Seconds that webhook deliveries in progress get when the worker ends.
WEBHOOKS_S = 2.0


def create_worker(
    settings: Settings, channel: Channel, work_queue: PriorityQueue[Any] | None = None
) -> WorkerProcess:
    """Return a worker process, which obeys its master on `channel` (WorkerProcess)."""
    configure_logging(settings.log_level, settings.log_format)
    trace_with(settings.tracing)
    client = connect(settings.redis)
    core = _core(settings, client)
    jobs, limits = core.jobs, settings.background
    broker = job_broker(settings, client, jobs)
    active_jobs = _active_jobs(settings, jobs)
    finisher = JobFinisher(jobs, core.meter, time.time)
    supervisor = Supervisor(jobs, active_jobs, finisher, broker, limits, time.monotonic, time.sleep)

    def begin(response_id: str) -> None:
        threading.Thread(target=worker.work_on, args=(response_id,), daemon=True).start()

    unrouted = _unrouted(settings, client, core, finisher, active_jobs, begin)
    worker = Worker(
        jobs,
        core.preparation,
        finisher,
        active_jobs,
        limits,
        caller_of=RecentCallers(core.accounts.caller, time.monotonic).find,
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
    shares = {"jobs": lambda: len(active_jobs) / limits.concurrency}
    dispatcher = _dispatcher(settings, client, core, supervisor)
    sampler = saturation(client, core.router, shares)
    rounds = _rounds(settings, client, core)
    beside: list[Callable[[], None]] = [looking, sampler.run, dispatcher.run, *rounds]
    return WorkerProcess(
        broker,
        supervisor.draining,
        limits,
        broker.idle_s,
        channel,
        beside,
        lambda: dispatcher.finish(WEBHOOKS_S),
        work_queue,
    )


def _active_jobs(settings: Settings, jobs: RedisJobStore) -> ActiveJobs:
    most_bytes = settings.requests.max_body_memory_mb * 1024 * 1024
    return ActiveJobs(jobs, time.monotonic, settings.background.time_limit_s, most_bytes)


def _core(settings: Settings, client: Client) -> Core:
    """Return the services; here answers go straight to Redis, as a worker spools none."""
    store = response_store(settings, client)
    account_store = RedisAccountStore(client, settings.redis.prefix, store.safety)
    meter = request_meter(settings, client)
    return core_of(settings, client, store, store, account_store, meter)


def _rounds(settings: Settings, client: Client, core: Core) -> list[Callable[[], None]]:
    """Return the loops that run whatever jobs there are."""
    rounds = [
        sweep_of(settings, client, core).keep_sweeping,
        core.meter.book.keep_recording_spooled,
    ]
    if core.keys.renewals:
        rounds.append(core.keys.renewals.keep_looking)
    return [partial(each, time.sleep) for each in rounds]


def _dispatcher(
    settings: Settings, client: Client, core: Core, supervisor: Supervisor
) -> Dispatcher:
    """Return the dispatcher of webhooks, which runs until the worker drains."""
    hooks = webhook_store(settings, client, response_store(settings, client).safety)
    stopped = supervisor.draining.begun
    dispatcher = webhook_dispatcher(settings, hooks, core.accounts, stopped)
    supervisor.on_webhook = dispatcher.wake
    return dispatcher


def _unrouted(
    settings: Settings,
    client: Client,
    core: Core,
    finisher: JobFinisher,
    active_jobs: ActiveJobs,
    begin: Callable[[str], None],
) -> Unrouted:
    """Return the service that leaves jobs of unknown models to others, and takes theirs."""
    limits = settings.background
    return Unrouted(
        UnroutedJobs(
            client, settings.redis.prefix, limits.lease_s, WAIT_S, KeyWrapping(core.accounts.secret)
        ),
        core.jobs,
        finisher,
        active_jobs,
        find=_finder(core),
        begin=begin,
        new_token=lambda: token_hex(8),
        capacity=limits.concurrency,
    )


def _finder(core: Core) -> Callable[[Principal, str], None]:
    """Return a function that raises NotFound if the holder of a key finds no such model here."""

    def find(principal: Principal, model: str) -> None:
        caller = core.accounts.caller(principal)
        if caller is not None:  # otherwise the run of the job ends it
            core.catalog.resolve(model, caller)

    return find
