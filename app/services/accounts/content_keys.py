"""Content keys of callers: sent by them, or derived from a passphrase that they send (N14).

A passphrase is stretched by scrypt (RFC 7914) with the account's salt, which takes a fifth of a
second and 32 MiB. So the key is remembered for ten minutes, for a bounded number of passphrases;
and an account that tries one after the other has to wait.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import token_bytes
from time import monotonic

from app.domain.accounts.content_key import KEY_BYTES, ContentKey
from app.errors import InvalidRequest, RateLimited
from app.services.accounts.recent_uses import RecentUses

KEY, PASSPHRASE = "x-encryption-key", "x-encryption-passphrase"
SHORTEST, LONGEST = 8, 1024
#: For how many seconds a key derived from a passphrase is remembered, and how many of them are.
REMEMBERED_S, MAX_REMEMBERED = 600.0, 1_000
#: Maximum number of new passphrases of an account that a process stretches, and within how many
#: seconds.
MAX_NEW, NEW_WITHIN_S = 20, 60.0
_CODE = "invalid_encryption_key"
#: The least work that OWASP's password storage sheet recommends, and memory that a process has.
_COST = {"n": 2**15, "r": 8, "p": 3, "maxmem": 64 * 1024 * 1024}
_SALT = b"responses-gateway passphrase salt\0"


def stretched(passphrase: bytes, salt: bytes) -> bytes:
    """Return the 32 bytes that are derived from a passphrase."""
    return hashlib.scrypt(passphrase, salt=salt, dklen=KEY_BYTES, **_COST)


@dataclass(slots=True)
class ContentKeys:
    """Derives content keys from what callers send. Safe for threads.

    `secret` returns the deployment's secret, from which the accounts' salts are made. `stretch` is
    `stretched`; `beside` calls a function that keeps its thread busy for long. `now` returns
    seconds of a clock that never goes back.
    """

    secret: Callable[[], bytes]
    stretch: Callable[[bytes, bytes], bytes] = stretched
    now: Callable[[], float] = monotonic
    beside: Callable[[Callable[[], bytes]], bytes] = lambda work: work()
    _known: OrderedDict[bytes, tuple[float, ContentKey]] = field(default_factory=OrderedDict)
    _new: RecentUses = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _pepper: bytes = field(default_factory=lambda: token_bytes(KEY_BYTES))
    _forgetter: threading.Timer | None = None

    def __post_init__(self) -> None:
        self._new = RecentUses(MAX_NEW, NEW_WITHIN_S, self.now)

    def of(self, account: str, key: str | None, passphrase: str | None) -> ContentKey:
        """Return the key of the one header that a request has, whose bytes are read as latin-1.

        Raises:
            InvalidRequest: both headers are given, or the one given cannot be a key.
            RateLimited: the account has tried too many passphrases.
            StorageUnavailable: the deployment's secret cannot be read.
        """
        if passphrase is None:
            return ContentKey.of(account, _decoded(key or ""))
        if key is not None:
            raise InvalidRequest(
                f"The headers {KEY} and {PASSPHRASE} exclude each other: send one.",
                param=PASSPHRASE,
                code=_CODE,
            )
        return self._of_passphrase(account, _judged(passphrase))

    def _of_passphrase(self, account: str, passphrase: bytes) -> ContentKey:
        name = hmac.digest(self._pepper, account.encode() + b"\0" + passphrase, hashlib.sha256)
        known = self._known.get(name)
        if known is not None and known[0] > self.now():
            return known[1]
        salt = hmac.digest(self.secret(), _SALT + account.encode(), hashlib.sha256)
        with self._lock:  # one at a time: each takes a processor, and memory
            known = self._known.get(name)
            if known is None or known[0] <= self.now():
                self._count(account)
                made = self.beside(lambda: self.stretch(passphrase, salt))
                known = (self.now() + REMEMBERED_S, ContentKey.of(account, made))
                self._remember(name, known)
        return known[1]

    def _count(self, account: str) -> None:
        """Raise RateLimited if an account has had too many passphrases stretched."""
        wait_s = self._new.count(account)
        if wait_s:
            raise RateLimited(
                f"This account has tried {MAX_NEW} new encryption passphrases within a minute: "
                "wait, and send the same one each time.",
                retry_after_s=wait_s,
            )

    def _remember(self, name: bytes, known: tuple[float, ContentKey]) -> None:
        self._known[name] = known
        self._known.move_to_end(name)
        if len(self._known) > MAX_REMEMBERED:
            self._known.popitem(last=False)
        if self._forgetter is None:
            self._forget_in(REMEMBERED_S)

    def _forget_in(self, seconds: float) -> None:
        self._forgetter = threading.Timer(seconds, self.forget)
        self._forgetter.daemon = True
        self._forgetter.start()

    def forget(self) -> None:
        """Forget the keys that have expired, and come back when the next one does."""
        with self._lock:
            now, self._forgetter = self.now(), None
            while self._known and next(iter(self._known.values()))[0] <= now:
                self._known.popitem(last=False)
            if self._known:
                self._forget_in(next(iter(self._known.values()))[0] - now)
            self._new.forget()


def _decoded(text: str) -> bytes:
    try:
        key = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        key = b""
    if len(key) != KEY_BYTES:
        raise InvalidRequest(
            f"The header {KEY} must be {KEY_BYTES} bytes in base64, which are 44 characters: make "
            "one with `openssl rand -base64 32`.",
            param=KEY,
            code=_CODE,
        )
    return key


def _judged(passphrase: str) -> bytes:
    """Return the bytes of a passphrase, which must be UTF-8."""
    given = passphrase.encode("latin-1")
    try:
        length = len(given.decode())
    except UnicodeDecodeError:
        length = 0
    if SHORTEST <= length <= LONGEST:
        return given
    raise InvalidRequest(
        f"The header {PASSPHRASE} must be {SHORTEST} to {LONGEST} characters of UTF-8.",
        param=PASSPHRASE,
        code=_CODE,
    )
