"""`python -m tests.upstream --port 0`: serve, and print as one line of JSON where."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import signal
import sys

from tests.upstream.bed import Bed
from tests.upstream.listeners import listen


async def serve(port: int) -> None:
    """Serve until SIGTERM or SIGINT comes."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, ended.set)
    with contextlib.ExitStack() as stack:
        places = await listen(Bed(loop), port, stack)
        sys.stdout.write(json.dumps(places.shown()) + "\n")
        sys.stdout.flush()
        await ended.wait()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m tests.upstream", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    given = parser.parse_args()
    gc.freeze()
    asyncio.run(serve(given.port))


main()
