"""Long work is done in slices, between which others run. Pure."""

from __future__ import annotations

#: How long, in seconds, long work sleeps after a slice. A sleep of no length would not do
#: under gevent: it runs what is ready already, and MEASURED: looks at the sockets, where callers
#: come from, at every fiftieth only.
MOMENT_S = 0.001
