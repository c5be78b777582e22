"""Signed tokens over a real connection (P5, N8): how long one may be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from app.domain.accounts.tokens import MAX_TOKEN
from tests.e2e import gateway as gateways
from tests.e2e.gateway import DEFAULT_FIRST, Gateway, Keys
from tests.e2e.test_nginx import NGINX, running_nginx
from tests.tokens import AUDIENCE, ISSUER, jwk, key_set, rsa_key, token

HEADERS = ("Authorization", "x-api-key", "api-key")


@pytest.fixture(scope="module")
def trusting_environment(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """That of a gateway that trusts an issuer."""
    folder = tmp_path_factory.mktemp("trusting")
    (folder / "keys.json").write_bytes(key_set(jwk(rsa_key())))
    config = folder / "gateway.toml"
    config.write_text(
        f'[[auth.jwt]]\nissuer = "{ISSUER}"\naudience = "{AUDIENCE}"\njwks_file = "keys.json"\n'
        + Path(environment["GATEWAY_CONFIG"]).read_text()
    )
    return environment | {"GATEWAY_CONFIG": str(config)}


@pytest.fixture(scope="module", params=DEFAULT_FIRST)
def trusting(
    request: pytest.FixtureRequest,
    trusting_environment: dict[str, str],
    keys: Keys,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("logs")
    with gateways.running(trusting_environment, keys, folder, request.param, 1) as gateway:
        yield gateway


def token_of(length: int) -> str:
    """Return a good token that is so long, or up to two letters shorter."""
    room = (length - len(token(pad=""))) * 3 // 4
    return token(pad="x" * room)


def status(gateway: Gateway, header: str, secret: str) -> int:
    value = f"Bearer {secret}" if header == "Authorization" else secret
    return gateway.call("GET", "/v1/models", key=None, headers={header: value}).status_code


@pytest.mark.parametrize("header", HEADERS)
def test_a_token_with_hundreds_of_groups_gets_through(trusting: Gateway, header: str) -> None:
    longest = token_of(MAX_TOKEN)
    assert MAX_TOKEN - 2 <= len(longest) <= MAX_TOKEN
    assert status(trusting, header, longest) == 200
    assert status(trusting, header, token_of(MAX_TOKEN + 8)) == 401
    assert status(trusting, header, token_of(MAX_TOKEN + 2048)) == 431


@pytest.mark.parametrize("trusting", ["gevent"], indirect=True)
def test_it_opens_a_websocket(trusting: Gateway) -> None:
    url, longest = trusting.url.replace("http://", "ws://"), token_of(MAX_TOKEN)
    in_header = {"Authorization": f"Bearer {longest}"}
    offered = [Subprotocol("responses"), Subprotocol(f"openai-insecure-api-key.{longest}")]
    connect(f"{url}/v1/responses", additional_headers=in_header, proxy=None).close()
    connect(f"{url}/v1/responses", subprotocols=offered, proxy=None).close()


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
def test_it_does_so_through_nginx(trusting: Gateway, tmp_path: Path) -> None:
    with running_nginx(trusting.url, tmp_path) as url:
        behind = replace(trusting, url=url)
        for header in HEADERS:
            assert status(behind, header, token_of(MAX_TOKEN)) == 200
            assert status(behind, header, token_of(MAX_TOKEN + 8)) == 401
            assert status(behind, header, token_of(MAX_TOKEN + 8192)) == 431
