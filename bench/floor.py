"""The floor: a naive pass-through that does nothing but forward requests to the upstream.

No keys, no validation, no storage; requests in its default form, except for a large pool.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import requests
from flask import Flask, Response, request
from requests.adapters import HTTPAdapter

_UPSTREAM = os.environ["FLOOR_UPSTREAM"]  # noqa: TID251 - no part of the app, whose settings it lacks

app = Flask(__name__)
session = requests.Session()
session.mount("http://", HTTPAdapter(pool_connections=2000, pool_maxsize=2000))


@app.post("/v1/chat/completions")
def complete() -> Response:
    """Forward the request, and return the upstream's response."""
    body = request.get_json()
    if not body.get("stream"):
        answer = session.post(_UPSTREAM, json=body)
        return Response(answer.content, answer.status_code, content_type="application/json")
    answer = session.post(_UPSTREAM, json=body, stream=True)
    return Response(_handed_on(answer), answer.status_code, content_type="text/event-stream")


def _handed_on(answer: requests.Response) -> Iterator[bytes]:
    yield from answer.iter_content(chunk_size=None)
