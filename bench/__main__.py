"""`python -m bench`: measure the gateway beside a pass-through, and store the result."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import psutil

from bench import generator, peers, plan, record, servers
from bench.peers import LiteLLM, NotInstalled
from bench.rows import rows
from bench.setting import Setting
from bench.table import table
from tests import redis_server
from tests.processes import ROOT
from tests.upstream import client as upstreams


def main() -> None:
    """Parse the command line, measure, and print the table."""
    # On SIGTERM the servers are stopped as well: each leads a process group of its own.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="measure only the main figures, in about a minute"
    )
    parser.add_argument(
        "--only", default="", help="measure only figures whose names start with this"
    )
    parser.add_argument(
        "--peers", type=Path, help="also measure LiteLLM's proxy, from this virtual environment"
    )
    given = parser.parse_args()
    try:
        litellm = peers.installed(given.peers) if given.peers else None
    except NotInstalled as missing:
        sys.exit(str(missing))
    began = datetime.now(UTC)
    with _setting(litellm, quick=given.quick) as setting:
        found = plan.measured(setting, given.only)
    medians = {key: median(values) for key, values in found.items()}
    lines = rows(medians)
    sys.stdout.write(table(lines) + "\n\n")
    if not (given.quick or given.only):
        file = record.keep(found, medians, lines, began, litellm)
        sys.stdout.write(f"Kept as {file.relative_to(ROOT)}; `make bench-readme` shows it.\n")
    sys.stdout.write(f"Took {time.time() - psutil.Process().create_time():.0f} s.\n")


@contextlib.contextmanager
def _setting(litellm: LiteLLM | None, *, quick: bool) -> Iterator[Setting]:
    """Start all servers and the load generator."""
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        redis_url = stack.enter_context(redis_server.running())
        upstream = stack.enter_context(upstreams.running())
        where = servers.place(redis_url, upstream, directory)
        load = stack.enter_context(generator.running())
        gateway = stack.enter_context(servers.gateway(where, 1))
        floor = stack.enter_context(servers.floor(where, 1))
        peer = stack.enter_context(peers.running(litellm, where)) if litellm else None
        yield Setting(where, load, gateway, floor, servers.direct(where), peer, quick)


main()
