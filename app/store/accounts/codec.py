"""Encodes accounts, keys and audit entries for the store, and decodes them.

Records are JSON with a version: an older gateway that meets a newer record refuses it rather than
overlook a restriction that it does not know. A key is

    {"v": 1, "id": "key_…", "account": "acme", "revision": 2, "permissions": {"models": [], …}, …,
     "secrets": [["<SHA-256>", null]]}

where each secret is its hash and its expiry in Unix seconds.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import orjson

from app.domain.accounts.accounts import Account, Allowance, ApiKey, AuditEntry, Permissions, Secret
from app.errors import Unavailable
from app.settings import CostBudget

_VERSION = 1
#: Version of records with a budget, which older releases would overlook.
_WITH_BUDGETS = 2
#: Version of keys that may not use every hosted tool.
_WITH_HOSTED_TOOLS = 3
#: Version of accounts with a retention.
_WITH_RETENTION = 4
_READ = (_VERSION, _WITH_BUDGETS, _WITH_HOSTED_TOOLS, _WITH_RETENTION)


def dump_key(key: ApiKey) -> bytes:
    """Encode a key without its times of use, which are stored separately."""
    secrets = [[secret.sha256, secret.expires_at] for secret in key.secrets]
    fields = {name: getattr(key, name) for name in ApiKey.__slots__ if name != "secrets"}
    fields["permissions"] = dump_permissions(key.permissions)
    version = _version(key.permissions.limits)
    if key.permissions.hosted_tools is not None:
        version = _WITH_HOSTED_TOOLS
    return orjson.dumps({"v": version, **fields, "secrets": secrets})


def load_key(raw: bytes) -> ApiKey:
    """Decode a key. Raises Unavailable for a newer gateway's record."""
    fields = _fields(raw)
    return ApiKey(
        **{
            **fields,
            "secrets": tuple(Secret(sha256=s, expires_at=at) for s, at in fields["secrets"]),
            "permissions": load_permissions(fields["permissions"]),
        }
    )


def dump_permissions(permissions: Permissions) -> dict[str, Any]:
    """Return permissions as a JSON object."""
    fields = {**asdict(permissions), "limits": _limits(permissions.limits)}
    if permissions.hosted_tools is None:
        del fields["hosted_tools"]  # a release without them can then read it
    return fields


def load_permissions(fields: dict[str, Any]) -> Permissions:
    """Return the permissions of a JSON object."""
    limits, models = _allowance({**fields["limits"]}), tuple(fields["models"])
    tools = fields.get("hosted_tools")
    changed = {
        "models": models,
        "limits": limits,
        "hosted_tools": None if tools is None else tuple(tools),
    }
    return Permissions(**{**fields, **changed})


def dump_account(account: Account) -> bytes:
    """Encode an account."""
    fields = {**_shallow(account), "limits": _limits(account.limits)}
    version = _WITH_RETENTION
    if account.retention_days is None:
        version = _version(account.limits)
        del fields["retention_days"]
    return orjson.dumps({"v": version, **fields})


def load_account(raw: bytes) -> Account:
    """Decode an account. Raises Unavailable for a newer gateway's record."""
    fields = _fields(raw)
    return Account(**{**fields, "limits": _allowance(fields["limits"])})


def dump_entry(entry: AuditEntry) -> bytes:
    """Encode an audit entry."""
    return orjson.dumps(entry)


def load_entry(raw: bytes) -> AuditEntry:
    """Decode an audit entry."""
    return AuditEntry(**orjson.loads(raw))


def _shallow(account: Account) -> dict[str, Any]:
    return {name: getattr(account, name) for name in Account.__slots__}


def _version(limits: Allowance) -> int:
    return _VERSION if limits.budgets is None else _WITH_BUDGETS


def _limits(limits: Allowance) -> dict[str, Any]:
    """Return limits in the form of a release without budgets, unless there are any."""
    fields = asdict(limits)
    if limits.budgets is None:
        del fields["budgets"]
    else:
        fields["budgets"] = [(budget.microusd, budget.period) for budget in limits.budgets]
    return fields


def _allowance(fields: dict[str, Any]) -> Allowance:
    budgets = fields.pop("budgets", None)
    return Allowance(
        **fields, budgets=None if budgets is None else tuple(CostBudget(*each) for each in budgets)
    )


def _fields(raw: bytes) -> dict[str, Any]:
    fields: dict[str, Any] = orjson.loads(raw)
    if (version := fields.pop("v")) not in _READ:
        raise Unavailable(f"A record of version {version} needs a newer gateway.")
    return fields
