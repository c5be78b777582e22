"""The process that runs background responses (app/cli/worker/process.py starts it).

Its jobs are greenlets, like a web process's requests, unless WORKER_CLASS is gthread.
MEASURED: with two hundred threads that compete for the interpreter's lock, each job was switched
to 40 to 90 times, and took 1.5 times the CPU.
"""

from __future__ import annotations

import importlib

from app.memory import expect_to_keep
from app.settings import worker_class


def main() -> None:
    """Run jobs until the master stops this process."""
    expect_to_keep()
    on_threads = worker_class() == "gthread"
    # Not imported above: sockets and locks are patched before anything may use them.
    if not on_threads:
        importlib.import_module("app.serving.greenlets").patch()
    importlib.import_module("app.cli.worker.startup").main(on_threads=on_threads)
