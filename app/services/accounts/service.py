"""Accounts and their keys: creates, lists, changes and looks them up."""

from __future__ import annotations

import math
import secrets as randomness
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from hmac import compare_digest

from app.domain.accounts.accounts import (
    EVERYTHING,
    Account,
    ApiKey,
    AuditEntry,
    Caller,
    Permissions,
    Principal,
    Secret,
    caller_of,
    unrecorded_key,
)
from app.domain.accounts.api_keys import ENTROPY_BYTES, digest, format_secret
from app.errors import InvalidRequest, NotFound, Unauthenticated, Unavailable
from app.services.accounts.authentication import Authenticator
from app.services.accounts.deployment_secret import DeploymentSecret
from app.services.accounts.names import check_account_name, check_key_name
from app.services.accounts.tokens.verifier import TokenVerifier
from app.settings import LimitSettings
from app.store.accounts.base import AccountStore

_ATTEMPTS = 10
_ID_BYTES = 12


class Accounts:
    """The accounts of this deployment. `by` names who makes a change, for the audit log.

    Opens no connection before its first use. Every method raises StorageUnavailable, and
    Unavailable if others keep changing the same record.
    """

    def __init__(
        self,
        store: AccountStore,
        defaults: LimitSettings,
        retention_days: int | None = None,
        *,
        tokens: TokenVerifier | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        entropy: Callable[[int], bytes] = randomness.token_bytes,
    ) -> None:
        self._store = store
        self._defaults = defaults
        self._clock = clock
        self._entropy = entropy
        self._retention_days = retention_days
        self._secret = DeploymentSecret(store, monotonic, entropy)
        self._authenticator = Authenticator(
            store,
            defaults,
            retention_days,
            tokens=tokens,
            on_found=self._secret.read_ahead,
            clock=clock,
            monotonic=monotonic,
        )
        self._bootstrap: ApiKey | None = None

    def authenticate(self, secret: str | None) -> Caller:
        """Return the caller who sends this secret.

        Raises Unauthenticated (authentication_required, invalid_api_key). A caller may come
        back `stale` while the store is unreachable: see services.accounts.authentication.
        """
        try:
            return self._authenticator.authenticate(secret)
        except Unauthenticated:
            if secret is None or not self._make_bootstrap_key(secret):
                raise
        return self._authenticator.authenticate(secret)

    def bootstrap(self, sha256: str, account: str) -> None:
        """Accept one secret that is configured by its hash, for a machine without a shell.

        Its key is created at its first use, and can be listed and deactivated like any other.
        """
        check_account_name(account)
        sha256 = sha256.lower()
        self._bootstrap = ApiKey(
            id="key_" + sha256[: 2 * _ID_BYTES],
            account=account,
            created_at=0,
            secrets=(Secret(sha256=sha256),),
            name="bootstrap",
        )
        self._authenticator.bootstrap_sha256 = sha256

    def create_key(
        self,
        account: str,
        *,
        by: str,
        name: str = "",
        expires_at: int | None = None,
        permissions: Permissions = EVERYTHING,
    ) -> tuple[ApiKey, str]:
        """Create a key, and its account if there is none of that name; return key and secret.

        Raises InvalidRequest for an invalid name of an account or a key, and for a key that would
        expire in the past.
        """
        check_account_name(account)
        check_key_name(name)
        if expires_at is not None and expires_at <= self._now():
            raise InvalidRequest("The key would expire in the past.", param="expires_at")
        secret = self._new_secret()
        key = ApiKey(
            id="key_" + self._entropy(_ID_BYTES).hex(),
            account=account,
            created_at=self._now(),
            secrets=(Secret(sha256=digest(secret)),),
            name=name,
            expires_at=expires_at,
            permissions=permissions,
        )
        self._add_key(key, by)
        return key, secret

    def keys(self, account: str | None = None) -> list[ApiKey]:
        """Return the keys of one account or of all, oldest first."""
        return [key for key in self._store.all_keys() if account in (None, key.account)]

    def deactivate(self, key_id: str, *, by: str) -> ApiKey:
        """Close a key on every process within a second. Raises NotFound."""
        return self._change_key(
            key_id, "key.deactivate", by, lambda key: replace(key, active=False)
        )

    def activate(self, key_id: str, *, by: str) -> ApiKey:
        """Open a deactivated key again. Raises NotFound."""
        return self._change_key(key_id, "key.activate", by, lambda key: replace(key, active=True))

    def key(self, key_id: str) -> ApiKey:
        """Return a key. Raises NotFound."""
        key = self._store.key(key_id)
        if key is None:
            raise NotFound(f"Key {key_id!r} not found.")
        return key

    def change_key(self, key_id: str, change: Callable[[ApiKey], ApiKey], *, by: str) -> ApiKey:
        """Apply `change` (to its name, expiry or permissions) to a key, within a second everywhere.

        Raises NotFound, and InvalidRequest for an invalid name or an expiry in the past.
        """

        def checked(key: ApiKey) -> ApiKey:
            changed, end = change(key), key.expires_at
            check_key_name(changed.name)
            if changed.expires_at not in (None, end) and changed.expires_at <= self._now():
                raise InvalidRequest(
                    "The key would expire in the past: deactivate it to close it now.",
                    param="expires_at",
                )
            return changed

        return self._change_key(key_id, "key.update", by, checked)

    def rotate(self, key_id: str, overlap_s: int, *, by: str) -> tuple[ApiKey, str]:
        """Give a key a new secret; its old ones stay valid for `overlap_s` more seconds.

        The key keeps its id, its limits and its account's history. Raises NotFound.
        """
        secret = self._new_secret()
        sha256 = digest(secret)
        now = self._now()
        end = now + overlap_s

        def rotated(key: ApiKey) -> ApiKey:
            if any(own.sha256 == sha256 for own in key.secrets):
                return key  # written by an attempt whose answer was lost
            ends = ((old, min(end, old.expires_at or end)) for old in key.secrets)
            kept = (replace(old, expires_at=at) for old, at in ends if at > now)
            return replace(key, secrets=(*kept, Secret(sha256=sha256)))

        return self._change_key(key_id, "key.rotate", by, rotated), secret

    def accounts(self) -> list[Account]:
        """Return every account by name."""
        return self._store.all_accounts()

    def is_active(self, name: str) -> bool:
        """Tell whether there is an account of that name, and it is not disabled."""
        account = self._store.account(name)
        return account is not None and account.active

    def disable_account(self, name: str, *, by: str) -> Account:
        """Close every key of an account within a second. Raises NotFound."""
        return self.change_account(
            name, "account.disable", lambda account: replace(account, active=False), by=by
        )

    def enable_account(self, name: str, *, by: str) -> Account:
        """Open a disabled account again. Raises NotFound."""
        return self.change_account(
            name, "account.enable", lambda account: replace(account, active=True), by=by
        )

    def change_account(
        self, name: str, action: str, change: Callable[[Account], Account], *, by: str
    ) -> Account:
        """Apply `change` (to limits, quota, force_no_store …) to an account. Raises NotFound."""
        for _ in range(_ATTEMPTS):
            before = self._store.account(name)
            if before is None:
                raise NotFound(f"Account {name!r} not found.", param="account")
            after = change(before)
            if after == before:
                return before
            after = replace(after, revision=before.revision + 1)
            if self._store.put_account(after, self._entry(by, action, name)):
                return after
        raise _too_busy(name)

    def caller(self, principal: Principal) -> Caller | None:
        """Return who may use a key now; None if it is unknown, inactive or expired.

        A token's permissions hold while its account is active, even if the token has expired.
        """
        key, account = self._store.key_and_account(principal.key_id, principal.account)
        if principal.permissions is not None:
            key = unrecorded_key(principal, principal.permissions)
        if key is None or not key.active or (key.expires_at or math.inf) <= self._now():
            return None
        if account is None or not account.active:
            return None
        self._secret.read_ahead()
        by_token = principal.permissions is not None
        return caller_of(key, account, self._defaults, self._retention_days, is_by_token=by_token)

    def record(self, action: str, subject: str, detail: str = "", *, by: str) -> None:
        """Write an operator's action into the audit log."""
        self._store.record(self._entry(by, action, subject, detail))

    def audit(self) -> Iterator[AuditEntry]:
        """Yield the entries of the audit log, oldest first."""
        return self._store.audit()

    def secret(self) -> bytes:
        """Return this deployment's secret: 32 random bytes, the same on every process."""
        return self._secret()

    def _make_bootstrap_key(self, secret: str) -> bool:
        """Create the bootstrap key if this is its secret and it was never created."""
        key = self._bootstrap
        if key is None or not compare_digest(digest(secret), key.secrets[0].sha256):
            return False
        if self._store.key(key.id) is not None:
            return False
        self._add_key(replace(key, created_at=self._now()), "environment")
        return True

    def _add_key(self, key: ApiKey, by: str) -> None:
        if self._store.account(key.account) is None:
            # Somebody else may make it first, which serves as well.
            account = Account(name=key.account, created_at=key.created_at)
            self._store.put_account(account, self._entry(by, "account.create", account.name))
        self._store.put_key(key, self._entry(by, "key.create", key.id, key.account))

    def _change_key(
        self, key_id: str, action: str, by: str, change: Callable[[ApiKey], ApiKey]
    ) -> ApiKey:
        for _ in range(_ATTEMPTS):
            before = self._store.key(key_id)
            if before is None:
                raise NotFound(f"Key {key_id!r} not found.")
            after = change(before)
            if after == before:
                return before
            after = replace(after, revision=before.revision + 1)
            if self._store.put_key(after, self._entry(by, action, key_id, before.account)):
                return after
        raise _too_busy(key_id)

    def _new_secret(self) -> str:
        return format_secret(self._entropy(ENTROPY_BYTES))

    def _entry(self, by: str, action: str, subject: str, detail: str = "") -> AuditEntry:
        return AuditEntry(at=self._now(), by=by, action=action, subject=subject, detail=detail)

    def _now(self) -> int:
        return int(self._clock())


def _too_busy(record: str) -> Unavailable:
    return Unavailable(f"Others keep changing {record!r}; try again.")
