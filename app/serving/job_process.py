"""The process that works on background responses (app/cli/worker/process.py starts this).

Its jobs are greenlets, as a web process's requests are, unless WORKER_CLASS says gthread.
MEASURED: of two hundred threads that wait for one another's lock of the interpreter, each job was
switched to 40 to 90 times, and took 1.5 times the CPU.
"""

from __future__ import annotations

import importlib

from app.memory import expect_to_keep
from app.settings import worker_class


def main() -> None:
    """Work until the master says otherwise."""
    expect_to_keep()
    on_threads = worker_class() == "gthread"
    # Not imported above: sockets and locks are patched before anything may use them.
    if not on_threads:
        importlib.import_module("app.serving.greenlets").patch()
    importlib.import_module("app.cli.worker.startup").main(on_threads=on_threads)
