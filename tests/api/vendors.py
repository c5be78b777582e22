"""A gateway in this process before servers that speak Responses, and what these were sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import responses

from app.settings import ModelSettings, ProviderSettings, RedisSettings, RequestSettings, Settings
from tests.api.conftest import PREFIX

Json = dict[str, Any]
VENDOR, SECOND = "http://vendor.test/v1", "http://second.test/v1"
SAID: Json = {"type": "message", "content": [{"type": "output_text", "text": "Hello"}]}
WHOLE: Json = {"status": "completed", "output": [SAID]}


def settings(redis_url: str, *, requests: RequestSettings | None = None, **vendor: Any) -> Settings:
    """Return those of a gateway: its models `own`, and `falls-back`, which goes to a second."""
    return Settings(
        providers=(
            ProviderSettings(name="local", api="local"),
            ProviderSettings(name="vendor", api="responses", base_url=VENDOR, **vendor),
            ProviderSettings(name="second", api="responses", base_url=SECOND),
        ),
        models=(
            ModelSettings(id="own", provider="vendor"),
            ModelSettings(id="falls-back", provider="vendor", fallbacks=("second/other",)),
        ),
        redis=RedisSettings(url=redis_url, prefix=PREFIX),
        requests=requests or RequestSettings(),
        log_level="CRITICAL",
    )


@pytest.fixture
def upstream() -> Iterator[responses.RequestsMock]:
    """Answers for all servers."""
    target = "app.providers.wire.adapter.WireAdapter.send"
    with responses.RequestsMock(target=target, assert_all_requests_are_fired=False) as mock:
        yield mock


def sent(upstream: responses.RequestsMock, place: int = -1) -> Json:
    """Return the body of a request that went to a server."""
    body: Json = orjson.loads(upstream.calls[place].request.body or b"")
    return body
