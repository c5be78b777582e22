"""Maps the claims of an issuer's signed token (a JWT) to an account and permissions (N8).

An account belongs to its issuer: `NAME~VALUE`, from the `name` of the issuer's table and the claim.
No account of a key can have such a name, nor one of another issuer. Characters other than letters,
digits, `.`, `_`, `-` and `@` are written `~XX` in hexadecimal, byte by byte, so that different
values never become one name:

    k8s~system~3Aserviceaccount~3Adefault~3Arunner
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.domain.accounts.accounts import (
    EVERYTHING,
    NO_ALLOWANCE,
    Allowance,
    Permissions,
    is_account_name,
)
from app.settings import CostBudget, IssuerSettings, read_budgets

#: Maximum length of a token. Those with hundreds of groups have about half of that.
MAX_TOKEN = 16 * 1024
#: Maximum length of the value's part of an account's name; a longer one ends in a hash.
_MAX_VALUE = 100
_HASH = 32
_PLAIN = re.compile(r"[A-Za-z0-9._@-]")
_MAX_BOUND = 2**53
_COUNTS = ("requests_per_minute", "requests_per_day", "tokens_per_minute", "max_in_flight")
#: A glob that matches no model: no globs at all would match every model.
_NO_MODEL = ("",)
_MISSING = object()

Claims = Mapping[str, Any]


class BadClaim(Exception):
    """A claim is invalid; `reason` is a word for the log and a metric."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenGrant:
    """What a verified token permits, until `expires_at` in Unix seconds."""

    account: str
    key_id: str
    permissions: Permissions
    expires_at: float


def is_token(secret: str) -> bool:
    """Tell whether a secret looks like a signed token: three parts separated by dots."""
    return secret.count(".") == 2


def grant_of(claims: Claims, issuer: IssuerSettings) -> TokenGrant:
    """Return what the claims of a verified token permit.

    If the claim of `models_claim` is missing or empty, no model is permitted: issuers omit what is
    empty. The claims of `permissions_claim` and `limits_claim` only restrict.

    Raises:
        BadClaim: a claim is invalid, or there is none for the account.
    """
    account_claim = _text(claims, issuer.account_claim, "account_claim")
    subject = claims.get("sub")
    return TokenGrant(
        account=account_of(account_claim, issuer),
        key_id=_key_id(subject if isinstance(subject, str) else account_claim, issuer),
        permissions=replace(
            _restrictions(claims, issuer),
            models=_models(claims, issuer),
            limits=_limits(claims, issuer),
        ),
        expires_at=instant(claims, "exp") + issuer.leeway_s,
    )


def account_of(value: str, issuer: IssuerSettings) -> str:
    """Return the account name for a claim's value.

    Raises:
        BadClaim: accounts are shared with keys, and the value is not a valid account name.
    """
    if issuer.shares_accounts:
        if not is_account_name(value):
            raise BadClaim("account_claim")
        return value
    name = "".join(c if _PLAIN.match(c) else _escaped(c) for c in value)
    if len(name) > _MAX_VALUE:
        digest = hashlib.sha256(value.encode()).hexdigest()[:_HASH]
        name = f"{name[: _MAX_VALUE - _HASH - 2]}~~{digest}"
    return f"{issuer.name}~{name}"


def instant(claims: Claims, name: str) -> float:
    """Return the time in a claim, in Unix seconds (RFC 7519, section 2, NumericDate).

    Raises:
        BadClaim: it is missing, or not a number of seconds.
    """
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadClaim(f"{name}_claim")
    if not math.isfinite(value) or not 0 <= value <= _MAX_BOUND:
        raise BadClaim(f"{name}_claim")
    return float(value)


def _escaped(character: str) -> str:
    return "".join(f"~{byte:02X}" for byte in character.encode())


def _key_id(subject: str, issuer: IssuerSettings) -> str:
    """Return an id for the token's holder in logs, limits and usage: a hash, not their name."""
    digest = hashlib.sha256(f"{issuer.issuer}\0{subject}".encode()).hexdigest()
    return f"jwt_{issuer.name}_{digest[:16]}"


def _claim(claims: Claims, path: tuple[str, ...]) -> object:
    value: object = claims
    for name in path:
        if not isinstance(value, Mapping) or name not in value:
            return _MISSING
        value = value[name]
    return _MISSING if value is None else value


def _text(claims: Claims, path: tuple[str, ...], setting: str) -> str:
    value = _claim(claims, path)
    if not isinstance(value, str) or not value.strip():
        raise BadClaim(setting)
    return value


def _models(claims: Claims, issuer: IssuerSettings) -> tuple[str, ...]:
    if issuer.models_claim is None:
        return ()
    value = _claim(claims, issuer.models_claim)
    globs = () if value is _MISSING else _texts(value, "models_claim")
    return globs or _NO_MODEL


def _restrictions(claims: Claims, issuer: IssuerSettings) -> Permissions:
    if issuer.permissions_claim is None:
        return EVERYTHING
    value = _claim(claims, issuer.permissions_claim)
    words = () if value is _MISSING else _texts(value, "permissions_claim")
    if not {*words} <= {"read_only", "no_background", "no_store"}:  # maybe one of a later release
        raise BadClaim("permissions_claim")
    return Permissions(
        read_only="read_only" in words,
        background="no_background" not in words,
        force_no_store="no_store" in words,
    )


def _limits(claims: Claims, issuer: IssuerSettings) -> Allowance:
    if issuer.limits_claim is None:
        return NO_ALLOWANCE
    value = _claim(claims, issuer.limits_claim)
    if value is _MISSING:
        return NO_ALLOWANCE
    if not isinstance(value, Mapping) or not {*_COUNTS, "budget"} >= value.keys():
        raise BadClaim("limits_claim")
    counts = {name: _count(value[name]) for name in _COUNTS if value.get(name) is not None}
    return Allowance(**counts, budgets=_budgets(value.get("budget")))


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _MAX_BOUND:
        raise BadClaim("limits_claim")
    return value


def _budgets(value: object) -> tuple[CostBudget, ...] | None:
    if value is None:
        return None
    try:
        return read_budgets(value)
    except ValueError:
        raise BadClaim("limits_claim") from None


def _texts(value: object, setting: str) -> tuple[str, ...]:
    texts = value if isinstance(value, list) else [value]
    if not all(isinstance(each, str) and each for each in texts):
        raise BadClaim(setting)
    return tuple(texts)
