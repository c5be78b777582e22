"""gunicorn's configuration for the gateway: every setting with its reason."""

from __future__ import annotations

import importlib
import math
import os
import secrets
import shutil
import sys
import tempfile
import threading
from pathlib import Path
from typing import Protocol

from app.cli.common.address import AddressTaken, check_free
from app.cli.common.checked import served_settings
from app.cli.common.processes import METRICS_PREFIX, leave_no_core, occupy
from app.descriptors import raise_limit
from app.huge_pages import keep_in_huge_pages
from app.memory import collect_seldom, expect_to_keep, give_back_each_minute, keep_freed_memory
from app.serving.logger import GatewayLogger
from app.serving.master.options import WORKER_CLASSES, given_to_check, refuse_foreign
from app.settings import SettingsError
from app.settings.active import activate, active

# One sentence instead of a traceback from every worker. On a reload the master has validated the
# settings before it reads this file (app.serving.arbiter). Workers inherit them from the master.
try:
    settings = active() or served_settings()
except SettingsError as error:
    sys.exit(f"The gateway cannot start: {error}")
activate(settings)

# Inherited by the workers, which import the gateway.
expect_to_keep()
leave_no_core()
# A stream takes two file descriptors, and the usual limit of 1024 is soon reached.
raise_limit()

# All processes write their counters to files in this folder. prometheus_client reads its name when
# imported, so it is set before that; a fresh folder contains no counts of ended processes.
# The pid marks it as this master's: a reload executes this file again.
_OWN_METRICS = f"{METRICS_PREFIX}{os.getpid()}-"
# A check loads the gateway here and ends: it counts in memory, and leaves a folder that is named
# to those who serve.
_check = given_to_check(os.environ)
if _check is not None:
    os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
elif not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(
        Path(tempfile.gettempdir(), _OWN_METRICS + secrets.token_hex(8))
    )
_metrics = Path(os.environ.get("PROMETHEUS_MULTIPROC_DIR", ""))
_is_own = _metrics.name.startswith(_OWN_METRICS)

from app.metric_files import process_ended  # noqa: E402 - see above
from app.serving import arbiter  # noqa: E402 - as above
from app.serving.worker_state import SPARE_S  # noqa: E402 - as above

arbiter.install()
if _check is not None:
    refuse_foreign(_check)

wsgi_app = "app.serving.wsgi:app"
# Each worker creates the application itself: open sockets, threads or a gevent hub would be shared
# by a process that forked with them.
preload_app = False

# METRICS_BIND, if set, serves /metrics and the probes, and nothing else (app.api).
bind = [each for each in (settings.web.bind, settings.web.metrics_bind) if each is not None]
# A burst of callers waits in the kernel instead of being refused.
backlog = 4096
# gevent handles the waiting, so that one worker per core is enough for the CPU.
_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
workers = settings.web.processes or _cores or 1
worker_class = WORKER_CLASSES[settings.web.worker_class]
# gevent: maximum sockets per process: what is admitted, and beside it idle keep-alive connections,
# probes, and what is refused. Beyond it nobody is let in, not even a probe.
worker_connections = 4000 + settings.requests.max_in_flight + settings.websocket.max_sessions
# gthread: a thread for each admitted request, and some for probes and refusals.
_THREADS = settings.requests.max_in_flight + 24
threads = _THREADS if settings.web.worker_class == "gthread" else 1

# Longer than the 60 s for which nginx and most clients keep an idle connection: they close first,
# so that no request is sent into a closing socket.
keepalive = 75
# A worker whose own loop does not run for a minute is stuck. Responses may take longer: in both
# worker classes the heartbeat does not depend on them.
timeout = 60
# On a stop, running responses have [requests] grace_s to end, which the workers enforce; then they
# are stored. Workers that have not ended by then are killed.
graceful_timeout = math.ceil(settings.requests.grace_s + SPARE_S)
# The workers' heartbeat touches a file: in memory, so that a slow disk does not get them killed.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - as above

# The gateway logs each request itself, with more details. stdout stays empty.
accesslog = None
errorlog = "-"
loglevel = settings.log_level.lower()
# Rewrites gunicorn's log lines: these quote malformed requests, with their keys and prompts.
logger_class = GatewayLogger.writing(settings.log_format)

# Larger requests are refused before they reach the application (414, 431). One field holds the
# longest signed token (MAX_TOKEN in app/domain/accounts/tokens.py) in any of its headers.
limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 17 * 1024
# Drops header names with an underscore: WSGI confuses them with hyphenated ones (smuggling).
header_map = "drop"
# Only these peers may state that the client used https.
forwarded_allow_ips = os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1,::1")

# Unused here; its default is one socket shared by all gunicorns of the user.
control_socket_disable = True


class GunicornMaster(Protocol):
    """The attributes of gunicorn's master that the hooks use; gunicorn has no types."""

    LISTENERS: list[object]
    master_pid: int
    cfg: GunicornConfig


class GunicornConfig(Protocol):
    """gunicorn's settings; `env_orig` is the environment that a successor gets."""

    env_orig: dict[str, str]


class GunicornWorker(Protocol):
    """A worker process of gunicorn's; `age` counts them from 1, `wsgi` is the application."""

    pid: int
    age: int
    wsgi: object


def on_starting(server: GunicornMaster) -> None:
    """Refuse an address in use with one sentence; gunicorn would retry for five seconds.

    A successor inherits its predecessor's sockets, as a systemd service does its socket unit's.
    """
    inherits = server.LISTENERS or server.master_pid or "LISTEN_FDS" in os.environ
    if not inherits:
        try:
            check_free(settings.web.bind)
            if settings.web.metrics_bind is not None:
                check_free(settings.web.metrics_bind, variable="METRICS_BIND")
        except AddressTaken as taken:
            sys.exit(f"The gateway cannot start: {taken}")
    _metrics.mkdir(mode=0o700, parents=True, exist_ok=True)
    if _is_own:
        occupy(_metrics)


def post_worker_init(worker: GunicornWorker) -> None:
    """Configure memory, start background tasks, and warn if Redis's setup may lose data.

    Only the first worker checks Redis, in a thread that delays nobody.
    """
    collect_seldom()
    # Not imported above: the worker class patches sockets before anything may use them.
    factory = importlib.import_module("app.factory")
    factory.trace_with(settings.tracing)
    factory.deliver_spooled(worker.wsgi)
    factory.show_saturation(worker.wsgi)
    factory.renew_credentials(worker.wsgi)
    if settings.web.worker_class == "gevent":
        # Run long computations in threads, while the event loop serves the others.
        pool = importlib.import_module("gevent").get_hub().threadpool
        factory.compute_beside(worker.wsgi, pool.apply)
        keep_freed_memory(os.environ)
    give_back_each_minute(os.environ)
    keep_in_huge_pages()
    if worker.age == 1:
        threading.Thread(target=factory.warn_of_storage, args=(settings,), daemon=True).start()


def pre_exec(server: GunicornMaster) -> None:
    """Keep the metrics folder with this master: its successor creates its own."""
    if _is_own:
        server.cfg.env_orig.pop("PROMETHEUS_MULTIPROC_DIR", None)


def child_exit(server: GunicornMaster, worker: GunicornWorker) -> None:  # noqa: ARG001 - gunicorn counts them
    """Remove a dead worker's gauges from the sums, and keep its counts."""
    process_ended(worker.pid)


def on_exit(server: GunicornMaster) -> None:  # noqa: ARG001 - as above
    """Remove the metrics folder."""
    if _is_own:
        shutil.rmtree(_metrics, ignore_errors=True)
