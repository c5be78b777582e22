"""An issuer of signed tokens: its keys, their set, and tokens of any kind, good and bad."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from functools import cache
from typing import Any

import jwt
import orjson
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

ISSUER = "https://issuer.test"
AUDIENCE = "gateway"
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@cache
def rsa_key(name: str = "first", bits: int = 2048) -> rsa.RSAPrivateKey:
    """Return the RSA key of this name."""
    return rsa.generate_private_key(65537, bits)


@cache
def ec_key(name: str = "first") -> ec.EllipticCurvePrivateKey:
    """Return the P-256 key of this name."""
    return ec.generate_private_key(ec.SECP256R1())


@cache
def ed_key(name: str = "first") -> ed25519.Ed25519PrivateKey:
    """Return the Ed25519 key of this name."""
    return ed25519.Ed25519PrivateKey.generate()


def jwk(key: PrivateKey, kid: str | None = "k1", **more: object) -> dict[str, Any]:
    """Return the public part of a key as a set has it."""
    public = key.public_key()
    algorithms: tuple[tuple[type, Any], ...] = (
        (rsa.RSAPublicKey, jwt.algorithms.RSAAlgorithm),
        (ec.EllipticCurvePublicKey, jwt.algorithms.ECAlgorithm),
        (ed25519.Ed25519PublicKey, jwt.algorithms.OKPAlgorithm),
    )
    algorithm = next(each for kind, each in algorithms if isinstance(public, kind))
    made: dict[str, Any] = json.loads(algorithm.to_jwk(public))
    made.pop("key_ops", None)
    return {**made, **({} if kid is None else {"kid": kid}), **more}


def key_set(*keys: Mapping[str, Any]) -> bytes:
    """Return a key set."""
    return orjson.dumps({"keys": list(keys)})


def claims(**changes: object) -> dict[str, Any]:
    """Return good claims with changes; None leaves one out."""
    now = int(time.time())
    made = {"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "iat": now, "exp": now + 600}
    return {k: v for k, v in {**made, **changes}.items() if v is not None}


def token(
    key: PrivateKey | None = None,
    algorithm: str = "RS256",
    header: Mapping[str, Any] | None = None,
    **changes: object,
) -> str:
    """Return a token of these claims, signed by `key`."""
    given: dict[str, Any] = {"kid": "k1", **(header or {})}
    given = {name: value for name, value in given.items() if value is not None}
    return signed(orjson.dumps(claims(**changes)), {"alg": algorithm, "typ": "JWT", **given}, key)


def signed(
    payload: bytes, header: Mapping[str, Any], key: PrivateKey | None = None, by: str | None = None
) -> str:
    """Return a token of these bytes, whatever they are, signed by the algorithm `by`."""
    head = orjson.dumps({k: v for k, v in header.items() if v is not None})
    signing_input = b".".join((_encoded(head), _encoded(payload)))
    algorithm = jwt.get_algorithm_by_name(by or str(header["alg"]))
    signature = algorithm.sign(signing_input, key or rsa_key())
    return b".".join((signing_input, _encoded(signature))).decode()


def unsigned(header: Mapping[str, Any], signature: bytes = b"", **changes: object) -> str:
    """Return a token with a signature of the attacker's own making."""
    parts = (orjson.dumps(dict(header)), orjson.dumps(claims(**changes)), signature)
    return b".".join(map(_encoded, parts)).decode()


def public_pem(key: PrivateKey) -> bytes:
    """Return what anybody can make of a key set: a public key as text."""
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _encoded(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")
