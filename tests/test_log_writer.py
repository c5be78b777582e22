"""Lines reach their file whole, however long they are."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from select import PIPE_BUF

import pytest

from app.logs.writer import LineWriter


def _written(*lines: str) -> bytes:
    """Return what a pipe gets of lines."""
    reading, writing = os.pipe()

    def write() -> None:
        writer = LineWriter(writing)
        for line in lines:
            writer.info(line)
        os.close(writing)

    thread = threading.Thread(target=write)
    thread.start()
    with os.fdopen(reading, "rb") as pipe:
        result = pipe.read()
    thread.join()
    return result


@pytest.mark.parametrize("length", [1, PIPE_BUF - 1, PIPE_BUF, 40 * PIPE_BUF])
def test_a_line_is_written_whole(length: int) -> None:
    assert _written("x" * length, "next") == b"x" * length + b"\nnext\n"


def test_a_long_line_is_not_cut_by_another_threads() -> None:
    reading, writing = os.pipe()
    writer = LineWriter(writing)

    def write(character: str) -> None:
        for _ in range(20):
            writer.info(character * 10)
            writer.info(character * 10 * PIPE_BUF)

    threads = [threading.Thread(target=write, args=(character,)) for character in "abcd"]
    for thread in threads:
        thread.start()
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        size, result = 4 * 20 * (10 * PIPE_BUF + 10 + 2), bytearray()
        while len(result) < size:
            result += pipe.read(PIPE_BUF)
    for thread in threads:
        thread.join()
    os.close(writing)
    lines = bytes(result).splitlines()
    assert {(len(line), len(set(line))) for line in lines} == {(10 * PIPE_BUF, 1), (10, 1)}


def test_what_is_no_utf_8_is_written_in_words() -> None:
    assert _written("\ud83d é") == "\\ud83d é\n".encode()


@pytest.fixture
def full_pipe() -> Iterator[tuple[int, LineWriter]]:
    """Yield the end to read of a pipe that does not block, and a writer to it until it was full."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    writer = LineWriter(writing)
    for _ in range(1000):
        writer.info("x" * 1000)
    yield reading, writer
    os.close(reading)
    os.close(writing)


def _emptied(reading: int) -> bytes:
    pieces = []
    try:
        while piece := os.read(reading, 1 << 20):
            pieces.append(piece)
    except BlockingIOError:
        pass
    return b"".join(pieces)


def test_a_line_that_nobody_reads_in_time_is_lost(full_pipe: tuple[int, LineWriter]) -> None:
    reading, writer = full_pipe
    writer.info("y" * 1000)
    assert set(_emptied(reading).splitlines()) == {b"x" * 1000}
    writer.info("next")
    assert _emptied(reading) == b"next\n"


def test_a_line_that_was_cut_is_ended_by_the_next(full_pipe: tuple[int, LineWriter]) -> None:
    reading, writer = full_pipe
    _emptied(reading)
    writer.info("y" * 400 * PIPE_BUF)
    cut = _emptied(reading)
    assert set(cut) == set(b"y")
    for line in ("next", "more"):
        writer.info(line)
    assert _emptied(reading) == b"\nnext\nmore\n"


@pytest.mark.parametrize("length", [1, 40 * PIPE_BUF])
def test_a_line_fails_nobody_where_nothing_can_be_written(length: int) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb"), Path("/dev/full").open("wb") as full:
        for descriptor in (writing, full.fileno()):
            LineWriter(descriptor).info("x" * length)


def test_lines_go_to_stdout_where_stderr_is_closed() -> None:
    code = (
        "import os; os.close(2)\n"
        "import sys; sys.stderr = sys.__stderr__ = None\n"
        "from app.telemetry import configure_logging, log\n"
        "configure_logging('info', 'json'); log.info('begun')"
    )
    command = [sys.executable, "-c", code]
    written = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout  # noqa: S603
    assert b'"event":"begun"' in written
