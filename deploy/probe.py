"""What the platform asks of a container, whichever of the two it is: web or worker.

    python probe.py live           exit status 0 while the process answers
    python probe.py drain 5 18     before a stop: wait 5 s, then until no stream is open and nothing
                                   waits in the spool, 18 s in all at most

The standard library alone, so that a probe costs little. What is open after `drain` has what a
SIGTERM leaves it ([requests] grace_s).
"""

from __future__ import annotations

import os
import re
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping

PATIENCE_S = 3.0
POLL_S = 0.5
#: Where a process of the gateway may listen, in the order in which it is looked for.
ADDRESSES = ("METRICS_BIND", "BIND", "WORKER_METRICS_BIND")
#: What a stop would cut short, or leave behind on this machine's disk.
BUSY = re.compile(r"^gateway_(?:streams_open|spooled) ([0-9.eE+]+)$", re.MULTILINE)
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - compared, not bound


def urls(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the addresses at which web or the worker may answer."""
    for name in ADDRESSES:
        host, _, port = environ.get(name, "").strip().rpartition(":")
        if host and port.isdigit():
            yield f"http://{_ANYWHERE.get(host, host)}:{port}"


def fetch(environ: Mapping[str, str], path: str) -> tuple[int, str] | None:
    """Return the status and text of the first address that answers, None where none does."""
    for url in urls(environ):
        try:
            with urllib.request.urlopen(url + path, timeout=PATIENCE_S) as answer:  # noqa: S310 - http
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            return refusal.code, ""
        except OSError:
            continue
    return None


def is_live(environ: Mapping[str, str]) -> bool:
    """Tell whether the process answers, and says that it is well."""
    answer = fetch(environ, "/healthz")
    return answer is not None and answer[0] == 200


def is_busy(environ: Mapping[str, str]) -> bool:
    """Tell whether streams are open or answers wait in the spool."""
    answer = fetch(environ, "/metrics")
    return answer is not None and any(float(each) > 0 for each in BUSY.findall(answer[1]))


def drain(environ: Mapping[str, str], least_s: float, most_s: float) -> None:
    """Wait for callers to be sent elsewhere, and then for what is open, for as long as allowed."""
    until = time.monotonic() + most_s
    time.sleep(min(least_s, most_s))
    while time.monotonic() + POLL_S < until and is_busy(environ):
        time.sleep(POLL_S)


def main(words: list[str]) -> int:
    """Do what is asked; return the exit status."""
    match words:
        case ["live"]:
            return 0 if is_live(os.environ) else 1  # noqa: TID251 - no part of the application
        case ["drain", least_s, most_s]:
            drain(os.environ, float(least_s), float(most_s))  # noqa: TID251 - as above
            return 0
    sys.stderr.write(__doc__ or "")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
