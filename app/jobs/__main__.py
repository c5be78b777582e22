"""The worker's processes: dramatiq's command line, with the gateway's log."""

from __future__ import annotations

import sys

from dramatiq.cli import main

from app.logs.libraries import catch_uncaught, listen
from app.settings import Settings

if __name__ == "__main__":
    settings = Settings.from_env()
    # Before dramatiq sets up its own: it leaves what is there. Its children inherit it.
    listen(settings.log_level, settings.log_format)
    catch_uncaught()
    sys.exit(main())  # type: ignore[no-untyped-call] # dramatiq gives it no types
