"""Turns libraries' messages and uncaught errors into log lines.

They contain nothing that a caller or an upstream has sent. A library's message is a constant of its
source with arguments. The constant is repeated; arguments only if they are numbers, or in a few
messages about the process itself.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
from types import TracebackType
from typing import Any, TextIO

from app.logs.lines import Form, line
from app.logs.redaction import HIDDEN, redact

#: Name of the logger for uncaught errors.
UNCAUGHT = "gateway.uncaught"

#: Messages whose string arguments are kept: they are about the process, addresses and signals.
_OF_THE_PROCESS = frozenset(
    {
        "Starting gunicorn %s",
        "Listening at: %s (%s)",
        "Listening at: %s",
        "Using worker: %s",
        "Handling signal: %s",
        "Unhandled signal: %s",
        "Ignoring unknown signal: %s",
        "Hang up: %s",
        "Shutting down: %s",
        "Connection in use: %s",
        "Invalid address: %s",
        "Can't connect to %s",
        "Worker (pid:%s) was sent %s!",
        "Worker (pid:%s) was sent %s! Perhaps out of memory?",
        "Parent changed, shutting down: %s",
    }
)
#: gunicorn's access log is off; an operator who turns it on has chosen its content.
_ACCESS = "gunicorn.access"
#: Libraries that do not see the content of requests: their string arguments are kept.
_TRUSTED = ("dramatiq",)
_MAX_MESSAGE = 300
#: "file.py:12: DeprecationWarning: ...": a warning may quote a value; its place and class do not.
_WARNING = re.compile(r"[^\n]{1,300}?:\d+: \w+(?=:)")
_EVENTS = {"py": "python_warning", "gateway": "unexpected_error"}


def frames(traceback: TracebackType | None) -> list[str]:
    """Return the places in a traceback, innermost last, without values."""
    places = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        places.append(f"{code.co_filename}:{traceback.tb_lineno} {code.co_qualname}")
        traceback = traceback.tb_next
    return places[-20:]


class LibraryFormatter(logging.Formatter):
    """Formats a library's record as a log line of ours. Never raises."""

    def __init__(self, form: Form) -> None:
        super().__init__()
        self._form = form

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        level = record.levelname.lower()
        try:
            return line(self._form, level, _fields(record))
        except Exception as error:  # noqa: BLE001 - a line that cannot be written stops nobody
            fields = {"event": "unwritten_log_line", "error": type(error).__name__}
            return line(self._form, "error", fields)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    library = record.name.partition(".")[0]
    fields: dict[str, Any] = {"event": _EVENTS.get(library, library), "message": _message(record)}
    if record.name == UNCAUGHT:
        fields["place"] = fields.pop("message")
    elif record.name not in (library, "gunicorn.error", "py.warnings"):
        fields["logger"] = record.name
    kind, error, traceback = record.exc_info or (None, None, None)
    if kind is not None:
        fields["error"] = kind.__name__
        fields["frames"] = frames(traceback or (error.__traceback__ if error else None))
    return fields


def _message(record: logging.LogRecord) -> str:
    message = record.msg
    if not isinstance(message, str):
        return type(message).__name__
    if record.name == "py.warnings":
        found = _WARNING.match(record.getMessage())
        return found[0] if found else HIDDEN
    if record.name == _ACCESS:
        return redact(record.getMessage())
    words = message in _OF_THE_PROCESS or record.name.startswith(_TRUSTED)
    if record.args:
        message = _filled_in(message, record.args, words)
    # In a message that was formatted before, later lines come from elsewhere.
    return redact(message.partition("\n")[0][:_MAX_MESSAGE])


def _filled_in(message: str, args: Any, words: bool) -> str:
    try:
        if isinstance(args, dict):
            return message % {name: _loggable(value, words) for name, value in args.items()}
        return message % tuple(_loggable(value, words) for value in args)
    except (TypeError, ValueError):
        return message


def _loggable(value: object, words: bool) -> object:
    if isinstance(value, bool | int | float) or value is None:
        return value
    if isinstance(value, str) and words:
        return value
    return HIDDEN if isinstance(value, str | bytes) else f"<{type(value).__name__}>"


def listen(level: str, form: Form, stream: TextIO | None = None) -> None:
    """Write what libraries log as lines of ours, to `stream` (stderr).

    Libraries that log content at their lower levels are only heard from level warning on.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LibraryFormatter(form))
    logging.root.handlers[:] = [handler]
    chosen = logging.getLevelNamesMapping()[level.upper()]
    logging.root.setLevel(max(chosen, logging.WARNING))
    for library in _TRUSTED:
        logging.getLogger(library).setLevel(chosen)
    # Otherwise records that cannot be written are shown on stderr, with their values.
    logging.raiseExceptions = False
    logging.captureWarnings(capture=True)


def catch_uncaught() -> None:
    """Log uncaught errors of the process, of threads and of finalizers like bugs."""
    sys.excepthook = _uncaught
    threading.excepthook = lambda args: _uncaught(
        args.exc_type, args.exc_value, args.exc_traceback, "thread"
    )
    sys.unraisablehook = _unraisable


def _unraisable(args: sys.UnraisableHookArgs) -> None:
    """Log a finalizer's error, unless the interpreter is ending, when logging is incomplete."""
    if not sys.is_finalizing():
        _uncaught(args.exc_type, args.exc_value, args.exc_traceback, "unraisable")


def _uncaught(
    kind: type[BaseException],
    error: BaseException | None,
    traceback: TracebackType | None,
    place: str = "process",
) -> None:
    if issubclass(kind, KeyboardInterrupt | SystemExit):
        return
    raised = (kind, error or kind(), traceback)
    logging.getLogger(UNCAUGHT).error(place, exc_info=raised)


def uncaught_in_greenlet(
    _hub: object,
    _context: object,
    kind: type[BaseException] | None,
    error: BaseException | str | None,
    traceback: TracebackType | None,
) -> None:
    """Log the error that ended a greenlet; replaces gevent's `Hub.print_exception`."""
    if kind is not None:
        known = error if isinstance(error, BaseException) else None
        _uncaught(kind, known, traceback, "greenlet")
