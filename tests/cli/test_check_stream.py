"""check-stream at the command line: a file, stdin and a URL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.api.http.sse import DONE, frames
from app.cli.check.stream import check
from app.domain.stream.deltas import Finished, Text
from tests.domain.narrating import narrated

STREAM = frames(narrated([Text("hi"), Finished()])) + DONE


def run(*args: str, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(check, args, input=stdin)


class Streaming(BaseHTTPRequestHandler):
    """Answers POST with what it was sent, and GET with a stream for whoever has the key."""

    def do_GET(self) -> None:
        if self.path == "/cut":
            self.send_response(200)
            self.send_header("Content-Length", str(len(STREAM)))
            self.end_headers()
            self.wfile.write(STREAM[:50])
            return
        known = self.headers["Authorization"] == "Bearer k"
        refusal = b'{"error":{"message":"The API key is not valid."}}'
        self.answer(*((200, STREAM) if known else (401, refusal)))

    def do_POST(self) -> None:
        self.answer(200, self.rfile.read(int(self.headers["Content-Length"])))

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Streaming) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_a_sound_file_passes(tmp_path: Path) -> None:
    (tmp_path / "stream").write_bytes(STREAM)
    result = run(str(tmp_path / "stream"))
    assert (result.exit_code, "9 events" in result.stdout) == (0, True)


def test_a_breach_on_stdin_is_reported_with_its_line() -> None:
    result = run(stdin=STREAM.removesuffix(b"data: [DONE]\n\n"))
    assert result.exit_code == 1
    assert "line 28: the stream ends without [DONE]" in result.stderr


def test_a_url_is_asked_with_the_key(url: str) -> None:
    assert run(url, "--key", "k").exit_code == 0


def test_a_body_is_posted(url: str, tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(STREAM)
    assert run(url, "--post", str(tmp_path / "body")).exit_code == 0


def test_a_url_that_refuses_is_reported(url: str) -> None:
    result = run(url)
    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: {url}: 401 Unauthorized: The API key is not valid. "
        "Give a key by --key, or in GATEWAY_API_KEY.\n"
    )


def test_a_url_whose_stream_is_cut_is_reported(url: str) -> None:
    result = run(f"{url}cut")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert result.stderr.startswith(f"Error: {url}cut: the connection was lost (")


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("/nowhere", "No such file or directory"),
        ("/", "Is a directory"),
        ("http://127.0.0.1:1/", "Connection refused"),
        ("http://127.0.0.1:99999/", "InvalidURL"),
    ],
)
def test_what_cannot_be_read_is_reported(source: str, why: str) -> None:
    assert run(source).stderr == f"Error: {source} could not be read: {why}\n"
