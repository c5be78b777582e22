"""What libraries log is a line of ours, and holds nothing that somebody has sent."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import InvalidHeader

from app.logs.libraries import catch_uncaught, listen, uncaught_in_greenlet
from app.serving.logger import GatewayLogger

KEY = "sk-rg-0123456789abcdefghijABCDEFGHIJ0123456789abcdefghij"
PROMPT = "my doctor said"
LOGGERS = ("gunicorn.error", "gunicorn.access", "dramatiq", "urllib3", "redis")


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Return what is written to stderr; afterwards logging is as before."""
    root, stream = logging.root, io.StringIO()
    before = (root.handlers[:], root.level, logging.raiseExceptions)
    loggers = {name: logging.getLogger(name) for name in LOGGERS}
    levels = {name: (each.level, each.handlers[:]) for name, each in loggers.items()}
    for module, hook in ((sys, "excepthook"), (sys, "unraisablehook"), (threading, "excepthook")):
        monkeypatch.setattr(module, hook, getattr(module, hook))
    monkeypatch.setattr(sys, "stderr", stream)
    yield stream
    logging.captureWarnings(capture=False)
    root.handlers[:], root.level, logging.raiseExceptions = before
    for name, (level, handlers) in levels.items():
        loggers[name].setLevel(level)
        loggers[name].handlers[:] = handlers
    root.manager._clear_cache()  # type: ignore[attr-defined]  # levels were put back behind its back


def gunicorns(written: io.StringIO, level: str = "debug") -> GatewayLogger:
    config = Config()
    config.set("loglevel", level)
    logger = GatewayLogger.writing("json")(config)
    return directed(logger, written)


def directed(logger: GatewayLogger, written: io.StringIO) -> GatewayLogger:
    """Have the logger write there: what pytest has put in stderr's place is not."""
    own = [each for each in logger.error_log.handlers if hasattr(each, "_gunicorn")]
    logger.error_log.handlers[:] = own  # pytest has put its own beside them
    (handler,) = own
    handler.setStream(written)
    return logger


def fail_as_described(log: Callable[[BaseException], None]) -> None:
    """Raise what gunicorn raises for a head that it cannot read, and log in its wake."""
    try:
        raise InvalidHeader(f"Authorization\x00: Bearer {KEY} {PROMPT}")  # noqa: TRY301
    except InvalidHeader as error:
        log(error)
        raise


def only_line(written: io.StringIO) -> dict[str, Any]:
    (line,) = written.getvalue().splitlines()
    document: dict[str, Any] = json.loads(line)
    return document


@pytest.mark.parametrize(
    ("error", "what", "level"),
    [
        (TimeoutError(errno.ETIMEDOUT, "unread"), "Socket error processing request.", "debug"),
        (TimeoutError(errno.ETIMEDOUT, "unread"), "HTTP/2 socket error", "debug"),
        (TimeoutError("timed out"), "Socket error processing request.", "error"),
        (OSError(errno.EIO, "input/output"), "Socket error processing request.", "error"),
        (TimeoutError(errno.ETIMEDOUT, "somebody's"), "Error handling request", "error"),
    ],
)
def test_a_caller_who_does_not_read_is_no_error_of_gunicorns(
    written: io.StringIO, error: OSError, what: str, level: str
) -> None:
    logger = gunicorns(written)
    try:
        raise error
    except OSError:
        logger.exception(what)
    assert only_line(written)["level"] == level


def test_gunicorn_tells_that_it_refused_a_request_and_not_its_words(written: io.StringIO) -> None:
    logger = gunicorns(written)
    with contextlib.suppress(InvalidHeader):
        fail_as_described(
            lambda result: logger.warning(f"Invalid request from ip=127.0.0.1: {result}")
        )
    line = only_line(written)
    assert (line["event"], line["level"]) == ("gunicorn", "warning")
    assert line["message"] == "Invalid request: <InvalidHeader>"


def test_gunicorn_tells_that_a_request_failed_and_not_its_address(written: io.StringIO) -> None:
    logger = gunicorns(written)
    at = f"/v1?key={KEY}&{PROMPT}"
    with contextlib.suppress(InvalidHeader):
        fail_as_described(lambda _: logger.exception("Error handling request %s %s", "GET", at))
    line = only_line(written)
    assert KEY not in str(line)
    assert PROMPT not in str(line)
    assert (line["error"], len(line["frames"])) == ("InvalidHeader", 1)


@pytest.mark.parametrize(
    "words",
    [
        ("Ignored premature client disconnection. %s", ValueError(PROMPT)),
        (f"Current configuration:\n  raw_env: {PROMPT}",),
        ("WSGI app sent body bytes (method=%s status=%s)", PROMPT, 204),
        (f"read from {KEY}",),
        ("Exception during worker exit:\n%s", PROMPT),
        ("%d words", PROMPT),
        (ValueError(PROMPT),),
    ],
)
def test_what_is_filled_in_by_gunicorn_is_not_told(
    written: io.StringIO, words: tuple[Any, ...]
) -> None:
    gunicorns(written).debug(*words)
    line = only_line(written)
    assert KEY not in str(line)
    assert PROMPT not in str(line)
    assert line["event"] == "gunicorn"


def test_gunicorn_tells_where_it_listens(written: io.StringIO) -> None:
    gunicorns(written).info("Listening at: %s (%s)", "http://127.0.0.1:8000", 17)
    assert only_line(written)["message"] == "Listening at: http://127.0.0.1:8000 (17)"


def test_gunicorn_tells_which_signal_has_killed_a_worker(written: io.StringIO) -> None:
    gunicorns(written).error("Worker (pid:%s) was sent %s! Perhaps out of memory?", 17, "SIGKILL")
    message = only_line(written)["message"]
    assert message == "Worker (pid:17) was sent SIGKILL! Perhaps out of memory?"


def test_a_reload_makes_no_second_line_of_one(written: io.StringIO) -> None:
    logger = gunicorns(written)
    logger.setup(logger.cfg)
    directed(logger, written).info("Hang up: %s", "Master")
    assert only_line(written)["event"] == "gunicorn"


def test_dramatiq_writes_lines_of_ours(written: io.StringIO) -> None:
    listen("INFO", "json", written)
    logging.getLogger("dramatiq.WorkerProcess").info("Worker process is ready for action.")
    line = only_line(written)
    assert (line["event"], line["message"]) == ("dramatiq", "Worker process is ready for action.")


@pytest.mark.parametrize("library", ["urllib3.connectionpool", "redis", "requests", "asyncio"])
def test_libraries_that_see_requests_are_quiet_at_debug(written: io.StringIO, library: str) -> None:
    listen("DEBUG", "json", written)
    logging.getLogger(library).debug("GET /%s", KEY)
    logging.getLogger(library).info("GET /%s", KEY)
    assert written.getvalue() == ""


def test_a_librarys_warning_is_told_without_what_it_quotes(written: io.StringIO) -> None:
    listen("INFO", "json", written)
    logging.getLogger("redis").warning("could not send %r to %s", PROMPT, f"redis://:{KEY}@host")
    line = only_line(written)
    assert PROMPT not in str(line)
    assert KEY not in str(line)
    assert line["message"].startswith("could not send")


def test_a_warning_is_told_by_its_kind_and_place(written: io.StringIO) -> None:
    listen("INFO", "json", written)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn(f"{PROMPT} {KEY}", DeprecationWarning, stacklevel=1)
        logging.captureWarnings(capture=False)
    line = only_line(written)
    assert line["event"] == "python_warning"
    assert line["message"].endswith(": DeprecationWarning")


def test_what_ends_a_thread_is_told_without_its_message(written: io.StringIO) -> None:
    def fail() -> None:
        raise ValueError(PROMPT)

    listen("INFO", "json", written)
    catch_uncaught()
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    line = only_line(written)
    assert (line["event"], line["error"], line["place"]) == (
        "unexpected_error",
        "ValueError",
        "thread",
    )
    assert PROMPT not in str(line)


def test_what_ends_a_greenlet_is_told_without_its_message(written: io.StringIO) -> None:
    listen("INFO", "json", written)
    uncaught_in_greenlet(SimpleNamespace(), PROMPT, ValueError, ValueError(PROMPT), None)
    line = only_line(written)
    assert (line["error"], line["place"]) == ("ValueError", "greenlet")
    assert PROMPT not in str(line)


def test_a_line_that_cannot_be_written_shows_nothing_of_itself(written: io.StringIO) -> None:
    class Broken:
        def __len__(self) -> int:
            raise ValueError(PROMPT)

    listen("INFO", "json", written)
    logging.getLogger("redis").handle(
        logging.LogRecord("redis", logging.ERROR, "", 1, "%s", (Broken(), Broken()), None)
    )
    assert PROMPT not in written.getvalue()
    assert len(written.getvalue().splitlines()) == 1
