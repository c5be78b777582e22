"""The public keys of a JSON Web Key Set (RFC 7517) that may verify tokens.

A key is used for an algorithm only if its own type, curve, `alg`, `use` and `key_ops` say so: a
token's header never decides how a key is used. Other keys in a set are ignored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt
import orjson

#: More keys than any issuer has; each takes memory and, for a token without `kid`, an attempt.
MAX_KEYS = 100
#: RFC 7518, sections 3.3 and 3.5.
MIN_RSA_BITS = 2048
_KEY_TYPES: Mapping[str, tuple[str, str | None]] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), ("RSA", None)),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
}
#: Fields that are read of a key: its public part, never a private one published by mistake.
_PUBLIC = ("kty", "n", "e", "crv", "x", "y")


class BadKeySet(Exception):
    """A document is no key set, or has no usable key; the text says why."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key for one algorithm, with its id, or None if it has none."""

    kid: str | None
    algorithm: str
    key: jwt.PyJWK


@dataclass(frozen=True, slots=True)
class PublicKeys:
    """The keys of a set. `digest` changes when the set does."""

    digest: str
    keys: tuple[PublicKey, ...] = ()

    def matching(self, kid: str | None, algorithm: str) -> list[PublicKey]:
        """Return the keys that a token with this header may be signed with, none or several.

        Ids need not be unique (RFC 7517, section 4.5). A token without one is tried with each.
        """
        return [
            key
            for key in self.keys
            if key.algorithm == algorithm and (kid is None or key.kid == kid)
        ]


NO_KEYS = PublicKeys("")


def read_keys(document: bytes, algorithms: Sequence[str]) -> PublicKeys:
    """Return the keys in a document for these algorithms.

    Raises:
        BadKeySet: it is no key set, or there are none.
    """
    try:
        content = orjson.loads(document)
    except ValueError:
        raise BadKeySet("is not JSON") from None
    entries = content.get("keys") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise BadKeySet("is no key set: it has no list of keys")
    if len(entries) > MAX_KEYS:
        raise BadKeySet(f"has more than {MAX_KEYS} keys")
    keys = tuple(key for entry in entries for key in _usable(entry, algorithms))
    if not keys:
        raise BadKeySet(f"has no key for {' or '.join(algorithms)}")
    return PublicKeys(hashlib.sha256(document).hexdigest(), keys)


def _usable(entry: object, algorithms: Sequence[str]) -> Iterator[PublicKey]:
    if not isinstance(entry, dict) or not _is_for_verifying(entry):
        return
    kid = entry.get("kid")
    if kid is not None and not isinstance(kid, str):
        return
    public = {name: entry[name] for name in _PUBLIC if isinstance(entry.get(name), str)}
    for algorithm in algorithms:
        key_type, curve = _KEY_TYPES[algorithm]
        fits = public.get("kty") == key_type and curve in (None, public.get("crv"))
        if fits and entry.get("alg") in (None, algorithm):
            key = _loaded(public, algorithm)
            if key is not None:
                yield PublicKey(kid, algorithm, key)


def _is_for_verifying(entry: Mapping[str, Any]) -> bool:
    operations = entry.get("key_ops")
    return entry.get("use") in (None, "sig") and (
        operations is None or (isinstance(operations, list) and "verify" in operations)
    )


def _loaded(public: dict[str, str], algorithm: str) -> jwt.PyJWK | None:
    try:
        key = jwt.PyJWK(public, algorithm)
    except jwt.PyJWTError:
        return None
    bits = getattr(key.key, "key_size", MIN_RSA_BITS)
    return None if public["kty"] == "RSA" and bits < MIN_RSA_BITS else key
