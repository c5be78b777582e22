"""Accounts, keys and audit entries as operators see them, without secrets or their hashes."""

from __future__ import annotations

from typing import Any

from app.domain.accounts.accounts import Account, Allowance, ApiKey, AuditEntry, Secret
from app.schemas.field import Bind, ReadContext, Refer, StrictField
from app.schemas.fields import Boolean, Choice, Integer, String
from app.schemas.nesting import ListOf, Nested
from app.schemas.wire.document import ALWAYS, OR_NULL, ValueSchema
from app.settings import CostBudget, budget_text

_UNLIMITED = "unlimited"


def limit_or_unlimited(bound: int | None) -> int | str | None:
    """Return the displayed form of a limit: a number, None for the default, or "unlimited"."""
    return _UNLIMITED if bound is not None and bound < 0 else bound


def budgets_or_default(budgets: tuple[CostBudget, ...] | None) -> str | None:
    """Return the displayed form of budgets; None for the default."""
    return None if budgets is None else budget_text(budgets)


def retention_or_none(days: int | None) -> int | str | None:
    """Return the displayed form of a retention: days, None for the default, or "none"."""
    return "none" if days is not None and days < 0 else days


class Limit(StrictField):
    """A number, null for the default, "unlimited" if there is no limit."""

    def check(self, value: Any, at: str, context: ReadContext) -> Any:
        if value != _UNLIMITED and (type(value) is not int or value < 0):
            raise self.mistyped(at, f'an integer or "{_UNLIMITED}"', value)
        return value

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        return {"anyOf": [{"type": "integer", "minimum": 0}, {"const": _UNLIMITED}]}

    def dump_code(self, value: str, bind: Bind) -> str:
        return f"{bind(limit_or_unlimited)}({value})"


class BudgetField(StrictField):
    """Budgets as operators write them: `50/month,5/day`, null for the default, or "unlimited"."""

    def check(self, value: Any, at: str, context: ReadContext) -> Any:
        if type(value) is not str:
            raise self.mistyped(at, "a string", value)
        return value

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        return {"type": "string"}

    def dump_code(self, value: str, bind: Bind) -> str:
        return f"{bind(budgets_or_default)}({value})"


class Retention(StrictField):
    """A number of days, null for the default, "none" if nothing expires."""

    def check(self, value: Any, at: str, context: ReadContext) -> Any:
        if value != "none" and (type(value) is not int or value < 0):
            raise self.mistyped(at, 'an integer or "none"', value)
        return value

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        return {"anyOf": [{"type": "integer", "minimum": 0}, {"const": "none"}]}

    def dump_code(self, value: str, bind: Bind) -> str:
        return f"{bind(retention_or_none)}({value})"


class LimitsSchema(ValueSchema[Allowance]):
    values = (Allowance,)

    requests_per_minute = Limit(**OR_NULL)
    requests_per_day = Limit(**OR_NULL)
    tokens_per_minute = Limit(**OR_NULL)
    max_in_flight = Limit(**OR_NULL)
    budget = BudgetField(attribute="budgets", **OR_NULL)


class SecretSchema(ValueSchema[Secret]):
    about = "When a secret of the key expires, and when it was last used, in Unix seconds."
    values = (Secret,)

    expires_at = Integer(0, **OR_NULL)
    last_used_at = Integer(0, **OR_NULL)


class Strings(StrictField):
    """An array of strings."""

    def check(self, value: Any, at: str, context: ReadContext) -> list[str]:
        if type(value) is not list or any(type(each) is not str for each in value):
            raise self.mistyped(at, "an array of strings", value)
        return value

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        return {"type": "array", "items": {"type": "string"}}

    def dump_code(self, value: str, bind: Bind) -> str:
        return f"list({value})"


class ApiKeySchema(ValueSchema[ApiKey]):
    values = (ApiKey,)

    id = String(**ALWAYS)
    account = String(**ALWAYS)
    name = String(**ALWAYS)
    active = Boolean(**ALWAYS)
    created_at = Integer(0, **ALWAYS)
    expires_at = Integer(0, **OR_NULL)
    last_used_at = Integer(0, **OR_NULL)
    secrets = ListOf(SecretSchema(), **ALWAYS)
    models = Strings(attribute="permissions.models", **ALWAYS)
    read_only = Boolean(attribute="permissions.read_only", **ALWAYS)
    background = Boolean(attribute="permissions.background", **ALWAYS)
    no_store = Boolean(attribute="permissions.force_no_store", **ALWAYS)
    unsupported_tools = Choice(
        "refuse", "drop", attribute="permissions.unsupported_tools", **OR_NULL
    )
    hosted_tools = Strings(
        about="null means all of them.", attribute="permissions.hosted_tools", **OR_NULL
    )
    limits = Nested(LimitsSchema(), attribute="permissions.limits", **ALWAYS)


class AccountSchema(ValueSchema[Account]):
    values = (Account,)

    name = String(**ALWAYS)
    active = Boolean(**ALWAYS)
    created_at = Integer(0, **ALWAYS)
    no_store = Boolean(attribute="force_no_store", **ALWAYS)
    limits = Nested(LimitsSchema(), **ALWAYS)
    max_stored_bytes = Limit(**OR_NULL)
    retention_days = Retention(**OR_NULL)


class AuditEntrySchema(ValueSchema[AuditEntry]):
    values = (AuditEntry,)

    at = Integer(0, **ALWAYS)
    by = String(**ALWAYS)
    action = String(**ALWAYS)
    subject = String(**ALWAYS)
    detail = String(**ALWAYS)


API_KEY, ACCOUNT, AUDIT_ENTRY = ApiKeySchema(), AccountSchema(), AuditEntrySchema()


def new_key(key: ApiKey, secret: str) -> dict[str, Any]:
    """Return a key with its new secret, which is shown only this once."""
    return {"id": key.id, "key": secret, **API_KEY.dump(key)}
