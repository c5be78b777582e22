"""Callers with a signed token of an issuer (P5, N8), and those who have forged one."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.api import context
from app.factory import create_app
from app.settings import IssuerSettings, ProviderSettings, RedisSettings, Settings
from tests.redis_server import remove_keys
from tests.tokens import (
    AUDIENCE,
    ISSUER,
    claims,
    ec_key,
    ed_key,
    jwk,
    key_set,
    public_pem,
    rsa_key,
    signed,
    token,
    unsigned,
)

PREFIX = "tokens:"
OTHER = "https://other.test"


def settings(redis_url: str, *issuers: IssuerSettings) -> Settings:
    return Settings(
        providers=(ProviderSettings(name="local", api="local"),),
        issuers=issuers,
        redis=RedisSettings(url=redis_url, prefix=PREFIX),
        log_level="CRITICAL",
    )


def issuer(folder: Path, document: bytes, **more: Any) -> IssuerSettings:
    file = folder / f"{more.get('name', 'corp')}.json"
    file.write_bytes(document)
    made = {"name": "corp", "issuer": ISSUER, "audience": (AUDIENCE, "second"), "jwks_file": file}
    return IssuerSettings(**{**made, **more})


@dataclass
class House:
    """A gateway that trusts two issuers."""

    app: Flask

    def ask(self, secret: str, header: str = "Authorization", **body: object) -> TestResponse:
        value = f"Bearer {secret}" if header == "Authorization" else secret
        client = self.app.test_client()
        if not body:
            return client.get("/v1/models", headers={header: value})
        wanted = {"model": "local/echo", "input": "Hi", **body}
        return client.post("/v1/responses", json=wanted, headers={header: value})

    def accounts(self) -> list[str]:
        with self.app.app_context():
            return [each.name for each in context.services().accounts.accounts()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="module")
def issuers(folder: Path) -> tuple[IssuerSettings, ...]:
    own = key_set(
        jwk(rsa_key()),
        jwk(ec_key(), "k2", use="sig", alg="ES256", key_ops=["verify"]),
        jwk(rsa_key("second"), "twice"),
        jwk(rsa_key("third"), "twice"),
        jwk(rsa_key("cipher"), "cipher", use="enc"),
        jwk(rsa_key("signer"), "signer", key_ops=["sign"]),
        jwk(rsa_key("other-alg"), "other-alg", alg="RS512"),
        jwk(rsa_key("short", 1024), "short"),
        jwk(rsa_key("short", 1024), "mixed"),
        jwk(rsa_key("fourth"), "mixed"),
        {**jwk(ec_key("numbered")), "kid": 7},
        {"kty": "oct", "kid": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0", "alg": "HS256"},
        {"kty": "RSA", "kid": "broken", "n": "!", "e": "AQAB"},
        {"kty": "EC", "kid": "halfway", "crv": "P-256", "x": "AA", "y": "AA"},
    )
    claims_of = {
        "models_claim": ("models",),
        "permissions_claim": ("gateway", "may"),
        "limits_claim": ("limits",),
    }
    other = key_set(jwk(rsa_key("of another"), "k1"))
    return (
        issuer(folder, own, **claims_of),
        issuer(folder, other, name="other", issuer=OTHER),
    )


@pytest.fixture
def house(redis_url: str, issuers: tuple[IssuerSettings, ...]) -> Iterator[House]:
    remove_keys(redis_url, PREFIX)
    app = create_app(settings(redis_url, *issuers))
    yield House(app)
    with app.app_context():
        context.services().meter.book.flush()


ALL: dict[str, Any] = {"models": ["*"]}


def now() -> int:
    return int(time.time())


def hmac_signed(secret: bytes, header: dict[str, Any]) -> str:
    made = unsigned(header, **ALL)
    signing_input = made.rsplit(".", 1)[0].encode()
    signature = hmac.new(secret, signing_input, hashlib.sha256).digest()
    return unsigned(header, signature, **ALL)


def tampered(whole: str) -> str:
    head, _, signature = whole.split(".")
    return f"{head}.{unsigned({'alg': 'RS256'}, **ALL, admin=True).split('.')[1]}.{signature}"


def raw(payload: bytes) -> str:
    return signed(payload, {"alg": "RS256", "kid": "k1"})


def deep(levels: int) -> bytes:
    return b'{"a":' * levels + b"1" + b"}" * levels


#: Each way in, and the status and code that it is met with; 200 are those that are good.
TABLE: dict[str, tuple[Callable[[], str], int]] = {
    "RS256": (lambda: token(**ALL), 200),
    "ES256": (lambda: token(ec_key(), "ES256", {"kid": "k2"}, **ALL), 200),
    "without kid": (lambda: token(header={"kid": None}, **ALL), 200),
    "second of two keys of one kid": (
        lambda: token(rsa_key("third"), header={"kid": "twice"}, **ALL),
        200,
    ),
    "typ at+jwt": (lambda: token(header={"typ": "at+JWT"}, **ALL), 200),
    "without typ": (lambda: token(header={"typ": None}, **ALL), 200),
    "second audience, in a list": (lambda: token(aud=["x", "second"], **ALL), 200),
    "expired within the leeway": (lambda: token(exp=now() - 5, **ALL), 200),
    "expired": (lambda: token(exp=now() - 3600, **ALL), 401),
    "without exp": (lambda: token(exp=None, **ALL), 401),
    "exp is text": (lambda: token(exp=str(now() + 600), **ALL), 401),
    "exp is true": (lambda: token(exp=True, **ALL), 401),
    "exp is a list": (lambda: token(exp=[now() + 600], **ALL), 401),
    "exp is beyond numbers": (
        lambda: raw(orjson.dumps(claims(**ALL)).replace(b'"exp":', b'"exp":1e999,"x":')),
        401,
    ),
    "exp is huge": (lambda: token(exp=10**18, **ALL), 401),
    "exp is negative": (lambda: token(exp=-1, **ALL), 401),
    "not yet valid (nbf)": (lambda: token(nbf=now() + 3600, **ALL), 401),
    "issued in the future (iat)": (lambda: token(iat=now() + 3600, **ALL), 401),
    "nbf is text": (lambda: token(nbf="0", **ALL), 401),
    "another audience": (lambda: token(aud="elsewhere", **ALL), 401),
    "audience within another": (lambda: token(aud="gateway.evil", **ALL), 401),
    "without audience": (lambda: token(aud=None, **ALL), 401),
    "audience is an object": (lambda: token(aud={"gateway": 1}, **ALL), 401),
    "audience is an empty list": (lambda: token(aud=[], **ALL), 401),
    "issuer unknown": (lambda: token(iss="https://evil.test", **ALL), 401),
    "issuer with a slash more": (lambda: token(iss=ISSUER + "/", **ALL), 401),
    "issuer is a list": (lambda: token(iss=[ISSUER], **ALL), 401),
    "without issuer": (lambda: token(iss=None, **ALL), 401),
    "another issuer's key": (lambda: token(rsa_key("of another"), **ALL), 401),
    "own key, another issuer's name": (lambda: token(iss=OTHER, **ALL), 401),
    "alg none": (lambda: unsigned({"alg": "none", "kid": "k1"}, **ALL), 401),
    "alg nOnE": (lambda: unsigned({"alg": "nOnE", "kid": "k1"}, **ALL), 401),
    "alg none, signature kept": (lambda: unsigned({"alg": "none"}, b"x" * 256, **ALL), 401),
    "alg missing": (lambda: unsigned({"kid": "k1"}, b"x" * 256, **ALL), 401),
    "alg is a list": (lambda: unsigned({"alg": ["RS256"]}, b"x" * 256, **ALL), 401),
    "HS256 with the public key": (
        lambda: hmac_signed(public_pem(rsa_key()), {"alg": "HS256", "kid": "k1"}),
        401,
    ),
    "RS256, signed HMAC by public key": (
        lambda: hmac_signed(public_pem(rsa_key()), {"alg": "RS256", "kid": "k1"}),
        401,
    ),
    "HS256 with a published secret": (
        lambda: hmac_signed(b"secret-secret-secret-secret", {"alg": "HS256", "kid": "oct"}),
        401,
    ),
    "PS256, which is not allowed": (lambda: token(algorithm="PS256", **ALL), 401),
    "RS256 said of an EC key": (lambda: token(header={"kid": "k2"}, **ALL), 401),
    "ES256 said of an RSA key": (lambda: token(ec_key(), "ES256", **ALL), 401),
    "EdDSA, which is not allowed": (lambda: token(ed_key(), "EdDSA", **ALL), 401),
    "key for encryption": (lambda: token(rsa_key("cipher"), header={"kid": "cipher"}, **ALL), 401),
    "key only to sign": (lambda: token(rsa_key("signer"), header={"kid": "signer"}, **ALL), 401),
    "key of another alg": (
        lambda: token(rsa_key("other-alg"), header={"kid": "other-alg"}, **ALL),
        401,
    ),
    "RSA key of 1024 bits": (
        lambda: token(rsa_key("short", 1024), header={"kid": "short"}, **ALL),
        401,
    ),
    "second of two, whose first is too short": (
        lambda: token(rsa_key("fourth"), header={"kid": "mixed"}, **ALL),
        200,
    ),
    "broken key": (lambda: token(header={"kid": "broken"}, **ALL), 401),
    "key not on its curve": (lambda: token(ec_key(), "ES256", {"kid": "halfway"}, **ALL), 401),
    "kid unknown": (lambda: token(header={"kid": "k9"}, **ALL), 401),
    "kid is a path": (lambda: token(header={"kid": "../../dev/null"}, **ALL), 401),
    "kid is a number": (lambda: token(header={"kid": 7}, **ALL), 401),
    "signed by a stranger": (lambda: token(rsa_key("stranger"), **ALL), 401),
    "own jwk in the header": (
        lambda: token(rsa_key("stranger"), header={"jwk": jwk(rsa_key("stranger"))}, **ALL),
        401,
    ),
    "own jku in the header": (
        lambda: token(rsa_key("stranger"), header={"jku": "http://127.0.0.1:1/keys"}, **ALL),
        401,
    ),
    "own x5u and x5c": (
        lambda: token(
            rsa_key("stranger"), header={"x5u": "http://127.0.0.1:1/", "x5c": ["AA"]}, **ALL
        ),
        401,
    ),
    "jku beside a good signature": (
        lambda: token(header={"jku": "http://127.0.0.1:1/keys"}, **ALL),
        200,
    ),
    "crit": (lambda: token(header={"crit": ["exp"]}, **ALL), 401),
    "crit b64": (lambda: token(header={"crit": ["b64"], "b64": False}, **ALL), 401),
    "crit b64, as it is anyway": (
        lambda: token(header={"crit": ["b64"], "b64": True}, **ALL),
        401,
    ),
    "b64 false alone": (lambda: token(header={"b64": False}, **ALL), 401),
    "logout token": (lambda: token(header={"typ": "logout+jwt"}, **ALL), 401),
    "typ is a number": (lambda: token(header={"typ": 1}, **ALL), 401),
    "payload changed": (lambda: tampered(token(**ALL)), 401),
    "signature cut": (lambda: token(**ALL)[:-20], 401),
    "signature empty": (lambda: token(**ALL).rsplit(".", 1)[0] + ".", 401),
    "payload is no JSON": (lambda: raw(b"{"), 401),
    "payload is a list": (lambda: raw(b"[]"), 401),
    "payload is deep": (lambda: raw(deep(900)), 401),
    "header is deep": (lambda: unsigned({"alg": "RS256", "x": [[[[]]]]}, b"x" * 256), 401),
    "payload has a lone surrogate": (lambda: raw(b'{"iss":"\\ud800"}'), 401),
    "only dots": (lambda: "..", 401),
    "not base64": (lambda: "!!.!!.!!", 401),
    "five parts (encrypted)": (lambda: "a.b.c.d.e", 401),
    "huge": (lambda: token(**ALL, pad="x" * 20_000), 401),
    "large": (lambda: token(**ALL, pad="x" * 8_000), 200),
    "without sub": (lambda: token(sub=None, **ALL), 401),
    "sub is empty": (lambda: token(sub=" ", **ALL), 401),
    "sub is a number": (lambda: token(sub=7, **ALL), 401),
    "sub is a list": (lambda: token(sub=["alice"], **ALL), 401),
    "models is a number": (lambda: token(models=7), 401),
    "models holds a number": (lambda: token(models=["*", 7]), 401),
    "permissions unknown": (lambda: token(gateway={"may": ["everything"]}, **ALL), 401),
    "permissions is an object": (lambda: token(gateway={"may": {"read_only": True}}, **ALL), 401),
    "limits is a list": (lambda: token(limits=[1], **ALL), 401),
    "limits has text": (lambda: token(limits={"requests_per_minute": "5"}, **ALL), 401),
    "limits has 0": (lambda: token(limits={"requests_per_minute": 0}, **ALL), 401),
    "limits has true": (lambda: token(limits={"max_in_flight": True}, **ALL), 401),
    "limits unknown": (lambda: token(limits={"rpm": 5}, **ALL), 401),
    "limits has a bad budget": (lambda: token(limits={"budget": "50"}, **ALL), 401),
}


@pytest.mark.parametrize("way", TABLE)
def test_the_attack_table(house: House, way: str) -> None:
    make, status = TABLE[way]
    secret = make()
    for header in ("Authorization", "x-api-key", "api-key"):
        response = house.ask(secret, header)
        assert response.status_code == status
        if status == 401:
            error = response.get_json()["error"]
            assert (error["type"], error["code"]) == ("authentication_error", "invalid_api_key")
            text = response.get_data(as_text=True)
            assert ISSUER not in text
            assert OTHER not in text
            assert secret not in text
    assert (house.accounts() == []) == (status == 401)


def error_of(response: TestResponse) -> dict[str, Any]:
    error: dict[str, Any] = response.get_json()["error"]
    return error


def test_what_is_wrong_is_said_to_those_alone_whose_signature_is_good(house: House) -> None:
    ended, stranger = now() - 3600, rsa_key("stranger")
    assert "expired" in error_of(house.ask(token(exp=ended)))["message"]
    assert "audience" in error_of(house.ask(token(aud="elsewhere")))["message"]
    forged = (token(stranger), token(stranger, exp=ended), token(stranger, aud="elsewhere"))
    assert len({error_of(house.ask(each))["message"] for each in forged}) == 1


def test_the_account_is_the_issuers_own_and_is_made_at_first_sight(house: House) -> None:
    assert house.ask(token(**ALL)).status_code == 200
    assert house.ask(token(rsa_key("of another"), iss=OTHER)).status_code == 200
    assert house.accounts() == ["corp~alice", "other~alice"]


def test_a_token_is_not_let_into_the_account_of_a_key(house: House) -> None:
    with house.app.app_context():
        _, secret = context.services().accounts.create_key("alice", by="ops")
    made = house.ask(secret, input="mine").get_json()["id"]
    answer = house.app.test_client().get(
        f"/v1/responses/{made}", headers={"Authorization": f"Bearer {token(**ALL)}"}
    )
    assert answer.status_code == 404


def test_accounts_are_shared_with_keys_where_the_operator_says_so(
    redis_url: str, folder: Path
) -> None:
    shared = issuer(folder, key_set(jwk(rsa_key())), shares_accounts=True)
    house = House(create_app(settings(redis_url, shared)))
    assert house.ask(token(sub="acme")).status_code == 200
    assert house.ask(token(sub="a:b")).status_code == 401
    assert "acme" in house.accounts()


def test_a_closed_account_is_closed_to_its_tokens(house: House) -> None:
    assert house.ask(token(**ALL)).status_code == 200
    with house.app.app_context():
        context.services().accounts.disable_account("corp~alice", by="ops")
    refused = house.ask(token(**ALL, jti="another"))
    assert (refused.status_code, error_of(refused)["code"]) == (401, "invalid_api_key")


def test_models_permissions_and_limits_come_from_the_claims(house: House) -> None:
    none = house.ask(token(), input="Hi")
    assert (none.status_code, error_of(none)["code"]) == (403, "model_not_allowed")
    empty = house.ask(token(models=[]), input="Hi")
    assert (empty.status_code, error_of(empty)["code"]) == (403, "model_not_allowed")
    assert house.ask(token(models="local/*"), input="Hi").status_code == 200
    reader = token(**ALL, gateway={"may": ["read_only"]})
    assert house.ask(reader, input="Hi").status_code == 403
    waiter = token(**ALL, gateway={"may": ["no_background"]})
    assert error_of(house.ask(waiter, background=True))["param"] == "background"
    keeper = token(**ALL, gateway={"may": ["no_store"]})
    assert house.ask(keeper, input="Hi").get_json()["store"] is False
    limited = token(**ALL, sub="bob", limits={"requests_per_minute": 1, "budget": "5/day"})
    assert house.ask(limited, input="Hi").headers["x-ratelimit-limit-requests"] == "1"
    assert house.ask(limited, input="Hi").status_code == 429


def test_requests_are_known_by_a_hash_of_the_holder(house: House) -> None:
    first, again = token(**ALL), token(**ALL, jti="2")
    assert [house.ask(each, input="Hi").status_code for each in (first, again)] == [200, 200]
    with house.app.app_context():
        services = context.services()
        services.meter.book.flush()
        today = time.strftime("%Y-%m-%d", time.gmtime())
        lines = house.app.test_client().get(
            f"/v1/usage?from={today}&to={today}", headers={"api-key": first}
        )
    (line,) = lines.get_json()["data"]
    assert line["key_id"].startswith("jwt_corp_")
    assert "alice" not in line["key_id"]
    assert line["requests"] == 2


def test_without_an_issuer_a_token_is_a_key_that_is_not_valid(redis_url: str) -> None:
    house = House(create_app(settings(redis_url)))
    refused = house.ask(token(**ALL))
    assert refused.status_code == 401
    assert "keys of this gateway begin with" in error_of(refused)["message"]
