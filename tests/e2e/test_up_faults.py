"""`up` is killed, started twice, or finds what an earlier one has left: nothing stays behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic

import psutil
import pytest

from app.cli.up.leftovers import MARK
from app.settings import environment
from tests.e2e.config import gateway_toml
from tests.e2e.test_up import Up, bind_in, folder, key_in, up
from tests.e2e.wire import raw_get, raw_post
from tests.processes import PATIENCE_S, PROGRAM, free_port, until
from tests.upstream.client import Upstream
from tests.upstream.script import Script

__all__ = ["folder"]


def refusal(folder: Path, **changes: str) -> str:
    """Start `up` where it cannot, and return what it says."""
    env = {name: environment()[name] for name in ("PATH",)} | changes
    argv = [PROGRAM, "up"]
    done = subprocess.run(  # noqa: S603 - the command is the tests' own
        argv, cwd=folder, env=env, capture_output=True, check=False, text=True, timeout=PATIENCE_S
    )
    assert done.returncode == 1, done.stderr
    return done.stderr


def killed(gateway: Up) -> None:
    """End it as nothing else would, and all of it that is left after ten seconds."""
    gateway.process.send_signal(signal.SIGKILL)
    gateway.process.wait()
    ten_s = monotonic() + 10
    while not gateway.nothing_is_left() and monotonic() < ten_s:
        psutil.wait_procs(gateway.family, timeout=0.1)
    assert gateway.nothing_is_left(), gateway.family


def test_nothing_outlives_one_that_is_killed_and_what_was_under_way_has_ended(
    folder: Path, upstream: Upstream, tmp_path: Path
) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text(gateway_toml(upstream.places, keepalive_s=15))
    variables = {"GATEWAY_CONFIG": str(config), "UPSTREAM_KEY": "sk-upstream"}
    halted = {"model": "steady", "input": Script(say=("one ", "two"), stall_after=1).text()}
    with up(folder, **variables) as gateway:
        assert "redis-server" in {each.name() for each in gateway.family}
        curl, key = gateway.curl, key_in(gateway.curl).rpartition(" ")[2]
        url = "http://" + bind_in(curl)
        with raw_post(url, key, {**halted, "background": True}) as call:
            job = json.loads(call.whole())["id"]
        with raw_get(url, key, f"/v1/responses/{job}?stream=true") as follower:
            follower.event("response.output_text.delta")
        with raw_post(url, key, {**halted, "stream": True}) as call:
            stream = call.event("response.created")["response"]["id"]
            call.event("response.output_text.delta")
            killed(gateway)
            assert call.body().endswith(b"data: [DONE]\n\n")
    assert "Traceback" not in (folder / "stderr").read_text("utf-8")
    with up(folder, BIND=bind_in(curl), **variables) as again:
        assert again.curl == curl
        for each in (stream, job):
            with raw_get(url, key, f"/v1/responses/{each}") as call:
                response = json.loads(call.whole())
            assert (response["status"], response["output_text"]) == ("failed", "one ")
        assert again.end(signal.SIGTERM) == 0


def test_a_second_one_is_told_who_has_the_folder_or_the_port(folder: Path, tmp_path: Path) -> None:
    with up(folder) as gateway:
        bind = bind_in(gateway.curl)
        for other in (bind, f"127.0.0.1:{free_port()}"):
            result = refusal(folder, BIND=other)
            assert f"the gateway of this folder (pid {gateway.process.pid}) already runs" in result
        assert f"{bind} is in use: the gateway of {folder.resolve()}" in refusal(
            tmp_path, BIND=bind
        )
        assert gateway.end(signal.SIGTERM) == 0
        assert gateway.nothing_is_left()


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="only Linux shows who it is")
def test_what_does_not_end_is_named(folder: Path) -> None:
    data = folder / "data"
    env = {MARK: str(data.resolve())}
    left = subprocess.Popen([sys.executable, "-S", "-c", "import signal; signal.pause()"], env=env)
    try:
        until(lambda: MARK in psutil.Process(left.pid).environ(), "the process to be itself")
        result = refusal(folder, BIND=f"127.0.0.1:{free_port()}")
    finally:
        left.kill()
        left.wait()
    assert f"another (pid {left.pid}). End them: kill {left.pid}\n" in result
