"""`python -m tests.budget.child DIRECTORY REDIS_URL PLACES`: counts, and prints that as JSON."""

from __future__ import annotations

import gc
import hashlib
import importlib
import sys
from pathlib import Path

import orjson
import requests

from app.settings import Settings
from tests.budget import clock
from tests.budget.caller import Caller
from tests.budget.counting import count_all
from tests.upstream.client import Upstream
from tests.upstream.listeners import Places

_SECRET = "the one key of this gateway"  # noqa: S105 - and of no other
_GATEWAY_TOML = """
[providers.chat]
api = "chat_completions"
base_url = "{url}/v1"
models = ["steady"]
"""


def main(directory: Path, redis_url: str, places: Places) -> None:
    """Count, with a gateway in this thread."""
    config = directory / "gateway.toml"
    config.write_text(_GATEWAY_TOML.format(url=places.url))
    settings = Settings.from_env(
        {
            "REDIS_URL": redis_url,
            "GATEWAY_CONFIG": str(config),
            "SPOOL_DIR": str(directory / "spool"),
            "GATEWAY_BOOTSTRAP_KEY_SHA256": hashlib.sha256(_SECRET.encode()).hexdigest(),
            "GATEWAY_BOOTSTRAP_ACCOUNT": "budget",
        }
    )
    with clock.slowed(), requests.Session() as session:
        session.trust_env = False
        # Not imported above: the gateway takes the clock that it finds.
        app = importlib.import_module("app.factory").create_app(settings)
        # As in gunicorn.conf.py, but without any collection: those come when they like.
        gc.collect()
        gc.freeze()
        gc.disable()
        counts = count_all(Caller(app, _SECRET), Upstream(places, session))
    sys.stdout.buffer.write(orjson.dumps(counts))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Places(**orjson.loads(sys.argv[3])))
