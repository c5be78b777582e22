"""gunicorn's logger: rewrites its lines in our format, without quoting what callers sent.

gunicorn quotes what it cannot parse: a header with its key, a request line with its prompt.
"""

from __future__ import annotations

import errno
import sys
from typing import Any, ClassVar

from gunicorn.glogging import Logger

from app.logs.libraries import LibraryFormatter, catch_uncaught, listen
from app.logs.lines import Form

_REFUSAL = "Invalid request from ip="
_FAULTS = ("Socket error processing request.", "HTTP/2 socket error")


class GatewayLogger(Logger):  # type: ignore[misc] # gunicorn has no types
    """Writes JSON, or text for people, whatever formats gunicorn is configured with.

    The destinations configured in gunicorn, files and syslog included, stay as they are.
    """

    form: ClassVar[Form] = "json"

    @classmethod
    def writing(cls, form: Form) -> type[GatewayLogger]:
        """Return the logger class for a format: gunicorn creates the logger from its class."""
        return type(cls.__name__, (cls,), {"form": form})

    def setup(self, cfg: Any) -> None:
        """Set up gunicorn's handlers, then their formatters; a reload calls it again."""
        super().setup(cfg)
        formatter = LibraryFormatter(self.form)
        for handler in (*self.error_log.handlers, *self.access_log.handlers):
            handler.setFormatter(formatter)
        listen(cfg.loglevel, self.form)
        catch_uncaught()

    def warning(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        """Log a warning; for a refused request only the kind of fault, not its text."""
        refused = sys.exc_info()[1]
        if isinstance(msg, str) and msg.startswith(_REFUSAL):
            msg, args = "Invalid request: %s", (refused,)
        super().warning(msg, *args, **kwargs)

    def exception(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        """Log an error with its frames, unless the caller does not read or has disappeared.

        gunicorn takes the kernel's ETIMEDOUT for a fault of ours, whatever it was about to do.
        """
        error = sys.exc_info()[1]
        is_unread = isinstance(error, TimeoutError) and error.errno == errno.ETIMEDOUT
        if is_unread and msg in _FAULTS:
            self.debug("Ignoring a caller that reads nothing")
            return
        super().exception(msg, *args, **kwargs)
