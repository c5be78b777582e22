"""structlog without rich, which it would import to show tracebacks in colours: no line has any.

MEASURED: rich, and what that imports, is a seventh of the start of gunicorn's master, and of the
worker's, and a twentieth of what a process that serves imports.
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
