"""The process of the worker's master: its metrics folder, its address, and what it starts."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

from app.cli.common import processes
from app.cli.common.checked import checked_settings
from app.cli.common.processes import METRICS
from app.cli.worker.listener import ListenerTaken, listening
from app.cli.worker.master import Master
from app.descriptors import raise_limit
from app.logs.libraries import catch_uncaught, listen
from app.metric_files import process_ended
from app.settings import SettingsError, environment
from app.telemetry import Exposition, configure_logging


def main() -> int:
    """Run the worker's master."""
    processes.leave_no_core()
    raise_limit()
    try:
        settings = checked_settings()
        configure_logging(settings.log_level, settings.log_format)
        listen(settings.log_level, settings.log_format)
        catch_uncaught()
        with _listening(settings.background.metrics_bind) as master:
            return master.run()
    except (SettingsError, ListenerTaken) as error:
        sys.stderr.write(f"The worker cannot start: {error}\n")
        return 1


@contextmanager
def _listening(bind: str | None) -> Iterator[Master]:
    """Yield a master whose processes gather their counters in a folder, which is served at `bind`.

    A folder that is named in the environment, as by `up`, is shared with other processes, which
    count their reloads there.

    Raises:
        ListenerTaken: nothing can listen there.
    """
    with ExitStack() as stack:
        shared = environment().get(METRICS)
        folder = shared
        if bind is not None and folder is None:
            folder = stack.enter_context(processes.metrics_folder())
        master = Master(partial(_start, folder), gone=partial(_forget, folder))

        def page() -> bytes:
            return exposition.page(dict if shared else master.figures)

        if bind is not None:
            exposition = Exposition(folder)
            stack.enter_context(listening(bind, master.health, page))
        yield master


def _start(folder: str | None, channel: socket.socket) -> subprocess.Popen[bytes]:
    """Start a worker process, bound to its master by a socket."""
    env = environment() if folder is None else environment(**{METRICS: folder})
    number = channel.fileno()
    return subprocess.Popen(processes.worker_process(number), env=env, pass_fds=[number])  # noqa: S603 - our own


def _forget(folder: str | None, pid: int) -> None:
    """Remove a dead process's gauges from the sums, and keep its counts."""
    if folder is not None:
        process_ended(pid, folder)


if __name__ == "__main__":
    sys.exit(main())
