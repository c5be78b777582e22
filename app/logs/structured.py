"""Imports structlog without rich, which it would use for coloured tracebacks that no line has.

MEASURED: rich and its own imports take a seventh of the start of gunicorn's master, and of the
worker's, and a twentieth of the imports of a serving process.
"""

from __future__ import annotations

import sys

__all__ = ["structlog"]

_has_rich = "rich" in sys.modules
if not _has_rich:
    sys.modules["rich"] = None  # type: ignore[assignment]  # no module can be imported by that name
import structlog  # noqa: E402 - see above

if not _has_rich:
    del sys.modules["rich"]
