"""Accounts, their API keys, and the caller of a request once its key is known.

An account owns what is stored; a key belongs to one account. Times are in Unix seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from app.domain.accounts.content_key import ContentKey
from app.settings import CostBudget, LimitSettings, UnsupportedTools

#: Value in an account or key for "no limit", where None means the default.
UNLIMITED = -1

_ACCOUNT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """Limits of use. None applies the default, UNLIMITED lifts it.

    For `budgets` an empty tuple lifts it.
    """

    requests_per_minute: int | None = None
    requests_per_day: int | None = None
    tokens_per_minute: int | None = None
    max_in_flight: int | None = None
    budgets: tuple[CostBudget, ...] | None = None


NO_ALLOWANCE = Allowance()


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The owner of responses. `revision` counts the changes of the record.

    `retention_days` is how long they are kept: UNLIMITED for ever, None for the default.
    """

    name: str
    created_at: int
    active: bool = True
    force_no_store: bool = False
    limits: Allowance = NO_ALLOWANCE
    max_stored_bytes: int | None = None
    retention_days: int | None = None
    revision: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """What a key permits. `models` are globs; none at all means every model.

    `background` is whether background responses may be created; `unsupported_tools` None leaves
    that to the configuration. `hosted_tools` are the types of hosted tools that may be used; None
    means all.
    """

    models: tuple[str, ...] = ()
    read_only: bool = False
    background: bool = True
    force_no_store: bool = False
    unsupported_tools: UnsupportedTools | None = None
    hosted_tools: tuple[str, ...] | None = None
    limits: Allowance = NO_ALLOWANCE


EVERYTHING = Permissions()


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A secret of a key, as its SHA-256, never itself. A rotated key has several."""

    sha256: str = field(repr=False)
    expires_at: int | None = None
    last_used_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key of one account; its newest secret comes last."""

    id: str
    account: str
    created_at: int
    secrets: tuple[Secret, ...]
    name: str = ""
    expires_at: int | None = None
    active: bool = True
    permissions: Permissions = EVERYTHING
    revision: int = 1

    @property
    def last_used_at(self) -> int | None:
        """When the key was last used, to the minute."""
        return max((s.last_used_at for s in self.secrets if s.last_used_at), default=None)

    def secret_expiry(self, sha256: str) -> int | None:
        """Return when the secret `sha256` stops being valid; None for never."""
        own = next(s.expires_at for s in self.secrets if s.sha256 == sha256)
        return min((t for t in (own, self.expires_at) if t is not None), default=None)


@dataclass(frozen=True, slots=True)
class Principal:
    """The identity in whose name a background response is made: a key's, or a token's."""

    account: str
    key_id: str
    permissions: Permissions | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The caller and their permissions, as known after authentication.

    In the limits None means unlimited; for `retention_days` None means for ever. `stale` is true if
    the key was known before the store became unreachable and could not be checked since: nothing
    may be stored for such a caller. With a `content_key` what is stored of this request is
    encrypted (C6).
    """

    account: str
    key_id: str
    models: tuple[str, ...] = ()
    read_only: bool = False
    background: bool = True
    force_no_store: bool = False
    unsupported_tools: UnsupportedTools | None = None
    hosted_tools: tuple[str, ...] | None = None
    key_limits: Allowance = NO_ALLOWANCE
    account_limits: Allowance = NO_ALLOWANCE
    max_stored_bytes: int | None = None
    retention_days: int | None = None
    stale: bool = False
    content_key: ContentKey | None = field(default=None, repr=False)
    #: A token's permissions; None for a key, which can be looked up again.
    permissions: Permissions | None = None

    @property
    def principal(self) -> Principal:
        """The identity, for work done later in the caller's name."""
        return Principal(self.account, self.key_id, self.permissions)

    def may_use(self, model_id: str) -> bool:
        """Return whether the caller may use the model `model_id`."""
        return model_allowed(self.models, model_id)


@dataclass(frozen=True, slots=True)
class ConsoleSession:
    """What the console knows of its user.

    That is the caller, by which metadata keys usage is counted, and whether requests are logged.
    """

    caller: Caller
    usage_metadata_keys: tuple[str, ...]
    logs_requests: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One action of an operator. `by` is who did it, `subject` the id of what it was done to."""

    at: int
    by: str
    action: str
    subject: str
    detail: str = ""


def model_allowed(globs: Iterable[str], model_id: str) -> bool:
    """Return whether one of the globs matches the model; no globs at all match every model."""
    globs = tuple(globs)
    return not globs or any(fnmatchcase(model_id, glob) for glob in globs)


def is_account_name(text: str) -> bool:
    """Return whether `text` may name an account: it appears in logs, metrics and store keys."""
    return _ACCOUNT_NAME.fullmatch(text) is not None


def unrecorded_key(
    principal: Principal, permissions: Permissions, secrets: tuple[Secret, ...] = ()
) -> ApiKey:
    """Return a substitute for the key of a caller with a token, of which no record is kept."""
    return ApiKey(
        id=principal.key_id,
        account=principal.account,
        created_at=0,
        secrets=secrets,
        permissions=permissions,
    )


def caller_of(
    key: ApiKey,
    account: Account,
    defaults: LimitSettings,
    retention_days: int | None = None,
    *,
    is_by_token: bool = False,
) -> Caller:
    """Return the caller of `key`; `defaults` are the limits of every account.

    `retention_days` is the default retention, None for ever. `is_by_token` says that the key has no
    record but stands for a token.
    """
    may = key.permissions
    return Caller(
        account=account.name,
        key_id=key.id,
        models=may.models,
        read_only=may.read_only,
        background=may.background,
        force_no_store=may.force_no_store or account.force_no_store,
        unsupported_tools=may.unsupported_tools,
        hosted_tools=may.hosted_tools,
        key_limits=_effective(may.limits, NO_ALLOWANCE, None),
        account_limits=_effective(account.limits, defaults, defaults.budget),
        max_stored_bytes=_bound(account.max_stored_bytes, defaults.max_stored_bytes),
        permissions=may if is_by_token else None,
        retention_days=_bound(account.retention_days, retention_days),
    )


def _effective(
    own: Allowance, default: Allowance | LimitSettings, budgets: tuple[CostBudget, ...] | None
) -> Allowance:
    """Return the effective limits: NO_ALLOWANCE itself if there are none."""
    bounds = Allowance(
        requests_per_minute=_bound(own.requests_per_minute, default.requests_per_minute),
        requests_per_day=_bound(own.requests_per_day, default.requests_per_day),
        tokens_per_minute=_bound(own.tokens_per_minute, default.tokens_per_minute),
        max_in_flight=_bound(own.max_in_flight, default.max_in_flight),
        budgets=(budgets if own.budgets is None else own.budgets) or None,
    )
    return NO_ALLOWANCE if bounds == NO_ALLOWANCE else bounds


def _bound(own: int | None, default: int | None) -> int | None:
    bound = default if own is None else own
    return None if bound == UNLIMITED else bound
