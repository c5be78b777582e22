"""Long work is done in slices, between which other work runs. Pure."""

from __future__ import annotations

#: Seconds that long work sleeps after each slice. A sleep of 0 would not do under gevent: it only
#: runs what is ready already, and (MEASURED) polls sockets, where callers arrive, at every
#: fiftieth.
MOMENT_S = 0.001
