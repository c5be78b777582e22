"""After the start: waits until the gateway serves, makes its first key, and greets the user."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from threading import Event
from time import monotonic

import orjson

from app.cli.common.group import operator
from app.cli.common.probe import ask
from app.cli.up.first_key import first_key
from app.cli.up.greeting import PAGES, greeting
from app.settings import Settings

FIRST_ACCOUNT = "default"

_PATIENCE_S = 60.0
#: Pauses before it asks again: after no answer, and after an answer that web has logged.
_POLL_S, _UNREADY_POLL_S = 0.1, 0.4


class NotReady(Exception):
    """The gateway does not serve; the text has the reason that it gives."""


def welcome(settings: Settings, key_file: Path, over: Event) -> str:
    """Return the greeting once the gateway serves; `over` ends the wait.

    Raises:
        NotReady: it does not serve.
    """
    bind = settings.web.bind
    _wait_until_ready(bind, over)
    key = first_key(
        key_file,
        works=lambda key: (ask(bind, "/v1/models", key) or (0,))[0] == 200,
        make=lambda: _make_key(settings),
    )
    _, body = ask(bind, "/v1/models", key) or (0, b'{"data":[]}')
    models = [model["id"] for model in orjson.loads(body)["data"]]
    there = {"/console": settings.web.console, "/docs/": settings.web.docs}
    pages = {path: word for path, word in PAGES.items() if there[path]}
    return greeting(bind, key, key_file, models, settings.providers, pages=pages)


def _wait_until_ready(bind: str, over: Event) -> None:
    deadline = monotonic() + _PATIENCE_S
    body = b"it does not answer"
    pause_s = _POLL_S
    while not over.wait(pause_s) and monotonic() < deadline:
        answer = ask(bind, "/readyz")
        if answer is not None:
            status, body = answer
            if status == 200:
                return
            pause_s = _UNREADY_POLL_S
    raise NotReady(f"it was not ready after {_PATIENCE_S:.0f} s: {body.decode(errors='replace')}")


def _make_key(settings: Settings) -> str:
    # Imported here, once web and worker are started: it takes a second, for the first key only.
    create_app = import_module("app.factory").create_app
    context = import_module("app.api.context")
    with create_app(settings).app_context():
        accounts = context.services().accounts
        secret: str
        _, secret = accounts.create_key(FIRST_ACCOUNT, name="first", by=operator())
    return secret
