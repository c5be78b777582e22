"""`python -m clients`: run every client's tool loop through a gateway, and print what came of it.

Ends with 1 where a tool loop has not come to its end, and with 2 where a package could not be had.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from clients import environments, site
from clients.catalog import CLIENTS, CODEX, EVERY_CLIENT, Client
from clients.codex.sessions import SESSIONS
from clients.codex.trial import CodexTrial
from clients.environments import NotInstalled
from clients.site import Format
from clients.table import Row, table
from clients.trial import Trial


def main() -> None:
    """Read the command line and run."""
    # Who is asked to end ends the servers, too: each leads a process group of its own.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    names = [client.name for client in EVERY_CLIENT]
    formats_there = [each.name for each in site.FORMATS]
    parser = argparse.ArgumentParser(prog="python -m clients", description=__doc__)
    parser.add_argument("--newest", action="store_true", help="the newest versions, not the pinned")
    parser.add_argument("--only", action="append", choices=names, help="this client; repeatable")
    parser.add_argument("--keeps", default="", help="only ways to keep it whose names begin so")
    parser.add_argument(
        "--format", action="append", choices=formats_there, help="this upstream only"
    )
    given = parser.parse_args()
    chosen = [client for client in EVERY_CLIENT if not given.only or client.name in given.only]
    try:
        commands = {
            client.name: environments.command(client, newest=given.newest) for client in chosen
        }
    except NotInstalled as missing:
        sys.stderr.write(f"{missing}\n")
        sys.exit(2)
    formats = [each for each in site.FORMATS if not given.format or each.name in given.format]
    trials = [each for each in _trials(chosen) if each.mode.startswith(given.keeps)]
    rows = _rows(trials, formats, commands)
    for client in chosen:
        installed = environments.versions(client, newest=given.newest)
        sys.stdout.write(f"{client.name}: {installed}\n")
    sys.stdout.write("\n" + table(rows, [each.name for each in formats]) + "\n")
    sys.exit(any(row.failed for row in rows))


def _trials(chosen: Sequence[Client]) -> Iterator[Trial | CodexTrial]:
    if CODEX in chosen:
        yield from (CodexTrial(CODEX, session) for session in SESSIONS)
    for client in chosen:
        if client not in CLIENTS:
            continue
        for mode in client.modes:
            yield from (Trial(client, mode, way) for way in client.ways_of(mode))


def _rows(
    trials: Sequence[Trial | CodexTrial],
    formats: Sequence[Format],
    commands: Mapping[str, Sequence[str]],
) -> list[Row]:
    rows = []
    with (
        tempfile.TemporaryDirectory(prefix="clients-") as directory,
        site.running(Path(directory)) as running,
    ):
        for trial in trials:
            row = Row(trial, trial.attempt(running, formats, commands[trial.client.name]))
            rows.append(row)
            for name, faults in row.faults.items():
                sys.stderr.write(f"{trial.name}, {name}: {'; '.join(faults) or 'ok'}\n")
    return rows


main()
