"""Lines reach their file whole, however long they are."""

from __future__ import annotations

import os
import threading
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


def test_what_is_no_utf_8_is_written_in_words() -> None:
    assert _written("\ud83d é") == "\\ud83d é\n".encode()
