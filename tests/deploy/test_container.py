"""The image: linted, closed, and with probes that fit whichever of the two a container is."""

from __future__ import annotations

import fnmatch
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app import telemetry
from app.settings import BackgroundSettings, RequestSettings, WebSettings
from tests.deploy.documents import DEPLOY, variables
from tests.processes import ROOT, free_port

TEXT = (DEPLOY / "Containerfile").read_text()
LINES = TEXT.replace("\\\n", " ").splitlines()
PROBE = DEPLOY / "probe.py"


def instructions(name: str) -> list[str]:
    return [line.removeprefix(f"{name} ") for line in LINES if line.startswith(f"{name} ")]


def test_a_linter_finds_nothing_wrong() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    argv = [str(hadolint), "--failure-threshold", "style", str(DEPLOY / "Containerfile")]
    result = subprocess.run(argv, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert (result.returncode, result.stdout) == (0, "")


def test_its_base_is_pinned_by_a_whole_version_and_may_be_by_a_digest() -> None:
    (version,) = [each for each in instructions("ARG") if each.startswith("PYTHON_VERSION=")]
    assert re.fullmatch(r"PYTHON_VERSION=3\.\d+\.\d+-slim-\w+", version)
    bases = {each.split()[0] for each in instructions("FROM")}
    assert bases == {"docker.io/library/python:${PYTHON_VERSION}${PYTHON_DIGEST}"}


def test_its_user_is_a_number_and_not_root() -> None:
    (user,) = instructions("USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    assert f"--uid {user.partition(':')[0]} " in TEXT


def test_every_package_is_installed_by_its_hash() -> None:
    (locked,) = [line for line in LINES if "-r " in line and line.startswith("RUN")]
    assert all(word in locked for word in ("--require-hashes", "--no-deps", "--only-binary :all:"))
    assert all("--no-deps" in line for line in LINES if "pip " in line and " install " in line)


def test_what_it_copies_is_sent_to_its_builder_and_little_else() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    sent = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    copied = {
        source
        for line in instructions("COPY")
        if not line.startswith("--from")
        for source in line.split()[:-1]
    }
    assert sent == copied
    assert all((ROOT / path).exists() for path in copied)
    assert "*" in ignored
    assert any(fnmatch.fnmatch("app/x/__pycache__", each) for each in ignored if each[0] != "!")


def test_every_variable_is_one_that_the_gateway_reads() -> None:
    named = set(re.findall(r"\b([A-Z_]+)=", " ".join(instructions("ENV"))))
    assert named - variables() == {"PATH", "PYTHONDONTWRITEBYTECODE"}


def test_it_says_how_long_each_of_its_parts_takes_to_stop() -> None:
    assert instructions("STOPSIGNAL") == ["SIGTERM"]
    assert f"grace_s ({RequestSettings().grace_s:.0f})" in TEXT
    assert f"drain_s ({BackgroundSettings().drain_s:.0f})" in TEXT.replace("\n# ", " ")
    assert BackgroundSettings().drain_s + 30 == 830
    assert WebSettings().metrics_bind is None  # so that its probe asks at BIND


def test_its_probe_is_a_file_of_the_image() -> None:
    (probe,) = instructions("HEALTHCHECK")
    assert json.loads(probe.partition("CMD ")[2]) == ["python", "/srv/probe.py", "live"]
    assert "deploy/probe.py /srv/probe.py" in instructions("COPY")


class _Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        pages: dict[str, list[tuple[int, str]]] = self.server.pages  # type: ignore[attr-defined]
        answers = pages[self.path]
        status, text = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_args: object) -> None:
        pass


@contextmanager
def serving(**pages: list[tuple[int, str]]) -> Iterator[str]:
    """Serve pages, the last of their answers for ever; yield HOST:PORT."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Pages)
    server.pages = {f"/{name}": answers for name, answers in pages.items()}  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def probe(*words: str, **environ: str) -> int:
    argv = [sys.executable, str(PROBE), *words]
    return subprocess.run(argv, env=environ, check=False, stderr=subprocess.DEVNULL).returncode  # noqa: S603 - ours


@pytest.mark.parametrize("variable", ["BIND", "METRICS_BIND", "WORKER_METRICS_BIND"])
def test_a_probe_finds_web_and_the_worker_where_they_listen(variable: str) -> None:
    # As in the image: all of them are set, and one of them is listened at.
    nowhere = dict.fromkeys(("BIND", "WORKER_METRICS_BIND"), f"0.0.0.0:{free_port()}")
    with serving(healthz=[(200, "{}")]) as address:
        port = address.partition(":")[2]
        assert probe("live", **{**nowhere, variable: f"0.0.0.0:{port}"}) == 0
    assert probe("live", **nowhere) == 1


def test_a_probe_fails_where_the_process_says_that_it_is_not_well() -> None:
    with serving(healthz=[(503, "{}")]) as address:
        assert probe("live", WORKER_METRICS_BIND=address) == 1


STREAMS = "# TYPE gateway_streams_open gauge\ngateway_streams_open {}\ngateway_spooled {}\n"


def test_a_drain_waits_for_streams_and_the_spool() -> None:
    busy = [(200, STREAMS.format(2.0, 0.0)), (200, STREAMS.format(0.0, 1.0))]
    pages = [*busy, (200, STREAMS.format(0.0, 0.0)), (500, "not asked again")]
    with serving(metrics=pages) as address:
        assert probe("drain", "0", "60", METRICS_BIND=address) == 0
    assert pages == [(500, "not asked again")]


def test_a_drain_ends_in_time_whatever_is_open() -> None:
    with serving(metrics=[(200, STREAMS.format(1.0, 0.0))]) as address:
        assert probe("drain", "0", "1", METRICS_BIND=address) == 0
    assert probe("drain", "0", "60", METRICS_BIND=f"127.0.0.1:{free_port()}") == 0


def test_a_drain_knows_the_metrics_by_their_names() -> None:
    text = telemetry.Exposition().page(dict).decode()
    assert re.search(r"^gateway_streams_open ", text, re.MULTILINE)
    assert "gateway_spooled" in telemetry.FIGURES
