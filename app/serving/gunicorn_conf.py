"""How gunicorn serves the gateway: every decision of the deployment with its reason."""

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
from app.cli.common.processes import leave_no_core
from app.descriptors import raise_limit
from app.huge_pages import keep_in_huge_pages
from app.memory import collect_seldom, expect_to_keep, give_back_each_minute, keep_freed_memory
from app.serving.logger import GatewayLogger
from app.serving.master.options import WORKER_CLASSES
from app.settings import SettingsError
from app.settings.active import activate, active

# One sentence instead of a traceback from every worker. Where this file is read for a reload, the
# master has judged the settings before (app.serving.arbiter). The workers take them from it.
try:
    settings = active() or served_settings()
except SettingsError as error:
    sys.exit(f"The gateway cannot start: {error}")
activate(settings)

# The workers, which import the gateway, inherit it.
expect_to_keep()
leave_no_core()
# A stream takes two file descriptors; what many shells allow, 1024, is soon used up.
raise_limit()

# Counters of all processes meet in files of this folder. prometheus_client looks for it when it is
# imported, so it is named before anything imports that; a fresh folder holds no counts of the dead.
# The pid tells whose it is: a reload reads this file again.
_OWN_METRICS = f"gateway-metrics-{os.getpid()}-"
if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(
        Path(tempfile.gettempdir(), _OWN_METRICS + secrets.token_hex(8))
    )
_metrics = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
_is_own = _metrics.name.startswith(_OWN_METRICS)

from prometheus_client import multiprocess  # noqa: E402 - see above

from app.serving import arbiter  # noqa: E402 - it has metrics, too
from app.serving.worker_state import SPARE_S  # noqa: E402 - it stands beside that

arbiter.install()

wsgi_app = "app.serving.wsgi:app"
# Each worker makes the application itself: a process that forked with open sockets, threads or a
# gevent hub behind it would share them.
preload_app = False

# Where METRICS_BIND is set, /metrics is there, with the probes and nothing else (app.api).
bind = [each for each in (settings.web.bind, settings.web.metrics_bind) if each is not None]
# A burst of callers waits in the kernel instead of being refused.
backlog = 4096
# The work is CPU and waiting; gevent does the waiting, so that a worker a core is enough.
_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
workers = settings.web.processes or _cores or 1
worker_class = WORKER_CLASSES[settings.web.worker_class]
# gevent: sockets at once in a process, idle kept-alive ones included: well above what is admitted.
worker_connections = 4000
# gthread: what is admitted has a thread each, and the probes and refusals find one too.
_THREADS = settings.requests.max_in_flight + 24
threads = _THREADS if settings.web.worker_class == "gthread" else 1

# Longer than the 60 s for which nginx and most clients keep an idle connection: they close first,
# so that no request is sent into a closing socket.
keepalive = 75
# A worker that does not reach its own loop for a minute is stuck. Answers take as long as they
# take: both worker classes report from beside them.
timeout = 60
# What is being answered when a stop is asked for has [requests] grace_s to end, which the workers
# see to; then what was said is stored. Who has not gone by now is killed.
graceful_timeout = math.ceil(settings.requests.grace_s + SPARE_S)
# Workers report by touching a file: in memory, so that a slow disk kills nobody.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - as above

# The gateway logs each request itself, with what gunicorn cannot know. stdout stays clean.
accesslog = None
errorlog = "-"
loglevel = settings.log_level.lower()
# A line of ours for each of its own: gunicorn's repeat what it cannot read, keys and prompts too.
logger_class = GatewayLogger.writing(settings.log_format)

# What is larger is refused before the application sees it (414, 431).
limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 8190
# A name with an underscore is dropped: WSGI cannot tell it from one with a hyphen (smuggling).
header_map = "drop"
# Only these peers may say that the caller came by https.
forwarded_allow_ips = os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1,::1")

# Its default is one socket for every gunicorn of the user, and nobody here asks for it.
control_socket_disable = True


class GunicornMaster(Protocol):
    """What the hooks use of gunicorn's, which has no types."""

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
    """Refuse a taken address in one sentence, where gunicorn would try for five seconds.

    A successor inherits its predecessor's sockets, as a service of systemd's does.
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


def post_worker_init(worker: GunicornWorker) -> None:
    """Set how memory is treated, begin what goes on beside requests, warn of a frail Redis.

    The warning is the first worker's to give, and keeps nobody waiting.
    """
    collect_seldom()
    # Not imported above: the worker class patches sockets before anything may use them.
    factory = importlib.import_module("app.factory")
    factory.trace_with(settings.tracing)
    factory.deliver_spooled(worker.wsgi)
    factory.show_saturation(worker.wsgi)
    factory.renew_credentials(worker.wsgi)
    if settings.web.worker_class == "gevent":
        # What takes long beside its loop, which serves all others meanwhile.
        pool = importlib.import_module("gevent").get_hub().threadpool
        factory.stretch_beside(worker.wsgi, pool.apply)
        keep_freed_memory(os.environ)
    give_back_each_minute(os.environ)
    keep_in_huge_pages()
    if worker.age == 1:
        threading.Thread(target=factory.warn_of_storage, args=(settings,), daemon=True).start()


def pre_exec(server: GunicornMaster) -> None:
    """Leave the counters to this master: its successor, which has none yet, makes a folder."""
    if _is_own:
        server.cfg.env_orig.pop("PROMETHEUS_MULTIPROC_DIR", None)


def child_exit(server: GunicornMaster, worker: GunicornWorker) -> None:  # noqa: ARG001 - gunicorn counts them
    """Take a dead worker's gauges out of the sums."""
    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call] # has no types


def on_exit(server: GunicornMaster) -> None:  # noqa: ARG001 - as above
    """Leave nothing behind."""
    if _is_own:
        shutil.rmtree(_metrics, ignore_errors=True)
