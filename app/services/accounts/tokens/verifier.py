"""Verifies tokens: issued by a trusted issuer, made for this gateway, and valid (N8).

A token's own `iss` selects its issuer, and with that the only keys and algorithms that may verify
it; nothing else in it is believed before that. Of its header only `alg`, `kid`, `typ` and `crit`
are read: keys and addresses that a token brings (jwk, jku, x5c, x5u) are ignored. Sources:
RFC 7519, RFC 8725 (best practices), RFC 9068 (`at+jwt`).

A verified token is cached by its hash until it expires or its issuer's keys change: later requests
with it cost no signature.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
import orjson
from jwt.utils import base64url_decode

from app.domain.accounts.tokens import MAX_TOKEN, BadClaim, TokenGrant, grant_of, instant
from app.errors import Unauthenticated
from app.services.accounts.tokens.key_set import KeySet
from app.settings import IssuerSettings
from app.telemetry import TOKEN_REFUSALS, log

MAX_KEPT = 20_000
#: Maximum number of keys with one id, or without any, that a signature is tried with.
MAX_ATTEMPTS = 8
#: Logout tokens, for one, are signed with the same keys but grant nothing.
_TYPES = frozenset({"jwt", "at+jwt", "application/jwt", "application/at+jwt"})
_UNKNOWN = "unknown"

#: Messages for the holder of a token that is surely its issuer's; all others get the same one.
_REMEDIES: Mapping[str, str] = {
    "expired": "The token has expired: get a new one from its issuer.",
    "not_yet": "The token is not valid yet: the clocks of its issuer and of this gateway differ.",
    "audience": "The token is made for another audience: ask for one that is for this gateway.",
}


class BadToken(Exception):
    """A token is refused; `reason` is a word for the log and a metric."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class _Verified:
    """A grant, and the keys that its token was verified with."""

    grant: TokenGrant
    keys: KeySet
    digest: str


class TokenVerifier:
    """Turns a token into its grant. One per process; safe under threads without a lock.

    `issuers` are the trusted ones, each with its keys; `now` returns Unix seconds.
    """

    def __init__(
        self,
        issuers: Iterable[tuple[IssuerSettings, KeySet]],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._issuers = {settings.issuer: (settings, keys) for settings, keys in issuers}
        self._now = now
        self._kept: dict[str, _Verified] = {}

    def verify(self, token: str, sha256: str) -> TokenGrant:
        """Return what a token permits; `sha256` is its hash.

        Raises:
            Unauthenticated: it is not valid.
            Unavailable: its issuer's keys cannot be fetched, and none are kept.
        """
        kept = self._kept.get(sha256)
        if kept is not None and self._is_valid(kept):
            return kept.grant
        name = _UNKNOWN
        try:
            header, claims = _unverified(token)
            settings, keys = self._issuer(claims)
            name = settings.name
            verified = self._verified(token, header, settings, keys)
        except (BadToken, BadClaim) as fault:
            self._kept.pop(sha256, None)
            raise _refused(name, fault.reason) from None
        self._keep(sha256, verified)
        return verified.grant

    def _is_valid(self, kept: _Verified) -> bool:
        return self._now() < kept.grant.expires_at and kept.keys.current().digest == kept.digest

    def _issuer(self, claims: Mapping[str, Any]) -> tuple[IssuerSettings, KeySet]:
        issuer = claims.get("iss")
        found = self._issuers.get(issuer) if isinstance(issuer, str) else None
        if found is None:
            raise BadToken("issuer")
        return found

    def _verified(
        self, token: str, header: Mapping[str, Any], settings: IssuerSettings, keys: KeySet
    ) -> _Verified:
        algorithm, kid = _checked_header(header, settings)
        found = keys.with_key(kid, algorithm)
        candidates = found.matching(kid, algorithm)
        for candidate in candidates[:MAX_ATTEMPTS]:
            claims = _claims(token, candidate.key, settings)
            if claims is not None:
                return _Verified(grant_of(claims, settings), keys, found.digest)
        raise BadToken("signature" if candidates else "key")

    def _keep(self, sha256: str, verified: _Verified) -> None:
        if len(self._kept) >= MAX_KEPT:
            self._kept = {}
        self._kept[sha256] = verified


def bad_token(reason: str = "") -> Unauthenticated:
    """Return the error for the sender of an invalid token."""
    return Unauthenticated(
        _REMEDIES.get(
            reason,
            "The token is not valid: it must be a JWT of an issuer that this gateway trusts, made "
            "for this gateway and not expired. Get a new one; the gateway's log has the reason.",
        ),
        code="invalid_api_key",
    )


def _refused(issuer: str, reason: str) -> Unauthenticated:
    TOKEN_REFUSALS.labels(issuer, reason).inc()
    log.info("token_refused", issuer=issuer, reason=reason)
    return bad_token(reason)


def _unverified(token: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return a token's header and claims, which cannot be trusted yet."""
    if len(token) > MAX_TOKEN or not token.isascii():
        raise BadToken("malformed")
    header, claims, _ = token.split(".")
    return _object(header), _object(claims)


def _object(part: str) -> Mapping[str, Any]:
    try:
        content = orjson.loads(base64url_decode(part))
    except ValueError:
        raise BadToken("malformed") from None
    if not isinstance(content, dict):
        raise BadToken("malformed")
    return content


def _checked_header(header: Mapping[str, Any], settings: IssuerSettings) -> tuple[str, str | None]:
    """Return the algorithm and the key's id, after checking the header."""
    algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ")
    if not isinstance(algorithm, str) or algorithm not in settings.algorithms:
        raise BadToken("algorithm")
    if kid is not None and not isinstance(kid, str):
        raise BadToken("malformed")
    if kind is not None and (not isinstance(kind, str) or kind.lower() not in _TYPES):
        raise BadToken("type")
    if "crit" in header or "b64" in header:  # no extension is understood (RFC 7515, 4.1.11)
        raise BadToken("critical")
    return algorithm, kid


def _claims(token: str, key: jwt.PyJWK, settings: IssuerSettings) -> dict[str, Any] | None:
    """Return the claims of a token; None if it was signed with another key."""
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name],
            audience=settings.audience,
            issuer=settings.issuer,
            leeway=settings.leeway_s,
            options={"require": ["exp"], "enforce_minimum_key_length": True},
        )
    except jwt.InvalidSignatureError:
        return None
    except jwt.ExpiredSignatureError:
        raise BadToken("expired") from None
    except jwt.ImmatureSignatureError:
        raise BadToken("not_yet") from None
    except jwt.InvalidAudienceError:
        raise BadToken("audience") from None
    except jwt.MissingRequiredClaimError as error:
        raise BadToken("no_expiry" if error.claim == "exp" else "audience") from None
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise BadToken("malformed") from None
    for name in ("exp", *({"nbf", "iat"} & claims.keys())):
        instant(claims, name)  # must be a number: the library accepts a text
    return claims
