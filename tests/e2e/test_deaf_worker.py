"""A worker that has lost the thread by which it hears of jobs is replaced, and no job waits."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.background import ended, queued
from tests.e2e.gateway import Gateway
from tests.e2e.workers import brief
from tests.processes import until
from tests.upstream.script import Script

#: What Python runs before anything else: a thread dies that finds the file, and takes it away. What
#: has threads of its own is to be imported once they are patched.
SABOTAGE = """
from pathlib import Path
from gevent import monkey
monkey.patch_all()
from dramatiq.worker import ConsumerThread

def die(_thread):
    try:
        Path({poison!r}).unlink()
    except FileNotFoundError:
        return
    raise SystemExit

ConsumerThread.handle_delayed_messages = die
"""


def test_a_worker_that_hears_of_no_job_any_more_is_replaced(
    gateway: Gateway, environment: dict[str, str], tmp_path: Path
) -> None:
    poison = tmp_path / "poison"
    (tmp_path / "sitecustomize.py").write_text(SABOTAGE.format(poison=str(poison)))
    with brief(environment | {"PYTHONPATH": str(tmp_path)}, tmp_path) as worker:
        first = worker.child.pid
        poison.touch()
        until(lambda: "worker_lost_a_thread" in worker.log, "the loss to be noticed")
        response_id = queued(gateway, Script(say="hello", tag="deaf"))
        assert ended(gateway, response_id)["status"] == "completed"
        assert (worker.lives, worker.child.pid == first) == (True, False)
