"""`python -m bench.load`: run the loads ordered on stdin until it ends."""

from __future__ import annotations

import gc
import json
import sys
from typing import Any

from bench.load import steps, streams, whole


def carry_out(order: dict[str, Any]) -> dict[str, object]:
    """Run one load on a server and return its result."""
    address = (order["host"], order["port"])
    if order["kind"] == "whole":
        requests = tuple(text.encode("latin-1") for text in order["requests"])
        return whole.run(address, requests, order["count"], order["at_once"], keep=order["keep"])
    if order.pop("kind") == "steps":
        del order["host"], order["port"]
        return steps.run(address, **order)
    return streams.run(
        address,
        order["request"].encode("latin-1"),
        order["marker"].encode(),
        order["count"],
        order["over_s"],
        order["events"],
        order["interval_s"],
    )


def main() -> None:
    """Execute orders; garbage collection is off during a load, where it would show as lateness."""
    gc.disable()
    for line in sys.stdin:
        result = carry_out(json.loads(line))
        sys.stdout.write(json.dumps(result) + "\n")
        sys.stdout.flush()
        gc.collect()


main()
