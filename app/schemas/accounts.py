"""Accounts, keys and audit entries as JSON. Secrets never show, nor their hashes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from app.domain.accounts.accounts import Account, Allowance, ApiKey, AuditEntry

_UNLIMITED = "unlimited"


def key_json(key: ApiKey) -> dict[str, Any]:
    """Return a key. `secrets` tells of each that opens it when it ends and was last used."""
    may = key.permissions
    return {
        "id": key.id,
        "account": key.account,
        "name": key.name,
        "active": key.active,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
        "secrets": [
            {"expires_at": secret.expires_at, "last_used_at": secret.last_used_at}
            for secret in key.secrets
        ],
        "models": list(may.models),
        "read_only": may.read_only,
        "background": may.background,
        "no_store": may.force_no_store,
        "unsupported_tools": may.unsupported_tools,
        "limits": limits_json(may.limits),
    }


def new_key_json(key: ApiKey, secret: str) -> dict[str, Any]:
    """Return a key with its new secret: the one time that it is told."""
    return {"id": key.id, "key": secret, **key_json(key)}


def account_json(account: Account) -> dict[str, Any]:
    """Return an account."""
    return {
        "name": account.name,
        "active": account.active,
        "created_at": account.created_at,
        "no_store": account.force_no_store,
        "limits": limits_json(account.limits),
        "max_stored_bytes": bound_json(account.max_stored_bytes),
    }


def limits_json(limits: Allowance) -> dict[str, int | str | None]:
    """Return limits: a number, null for the default, "unlimited" where that is lifted."""
    return {name: bound_json(bound) for name, bound in asdict(limits).items()}


def bound_json(bound: int | None) -> int | str | None:
    """Return one limit as `limits_json` does."""
    return _UNLIMITED if bound is not None and bound < 0 else bound


def audit_json(entry: AuditEntry) -> dict[str, Any]:
    """Return an entry of the audit log."""
    return asdict(entry)
