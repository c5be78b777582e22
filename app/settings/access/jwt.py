"""The `[[auth.jwt]]` tables of gateway.toml: issuers whose signed tokens are accepted (P5, N8)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from app.settings import readers
from app.settings.tables import (
    KeyPath,
    as_tables,
    bad_key,
    bad_table,
    certificates,
    did_you_mean,
    read_table,
    readable,
)

#: Signatures with a key pair. `none` and HMAC are excluded: a key set is public, so anybody who has
#: read it could sign with it (RFC 8725, sections 2.1 and 3.1).
ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)
MAX_LEEWAY_S = 300
_NAME = re.compile(r"[a-z0-9]{1,16}")
_REFUSED = re.compile("none|HS[0-9]+", re.IGNORECASE)

#: The path of a claim: names of members, from the outermost.
ClaimPath = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerSettings:
    """An `[[auth.jwt]]` table. Times are in seconds.

    Its keys are at `jwks_url` or in `jwks_file`. For the former, `token_file` has a bearer token,
    `ca_file` the authorities that the server's certificate is checked against, and `proxy` is the
    proxy to it. Accounts belong to the issuer and are named NAME~VALUE after its `name`, unless it
    `shares_accounts` with this gateway's keys.
    """

    name: str
    issuer: str
    audience: tuple[str, ...]
    jwks_url: str | None = None
    jwks_file: Path | None = None
    ca_file: Path | None = None
    token_file: Path | None = None
    proxy: str | None = field(default=None, repr=False)
    algorithms: tuple[str, ...] = ("RS256", "ES256")
    leeway_s: float = 30.0
    cache_s: float = 300.0
    account_claim: ClaimPath = ("sub",)
    models_claim: ClaimPath | None = None
    permissions_claim: ClaimPath | None = None
    limits_claim: ClaimPath | None = None
    shares_accounts: bool = False


def _texts(raw: object) -> tuple[str, ...]:
    """Read a string, or a list of at least one."""
    found: tuple[str, ...] = readers.texts([raw] if isinstance(raw, str) else raw)
    if not found:
        raise ValueError("must be a string, or a list of strings, that is not empty")
    return found


def _algorithms(raw: object) -> tuple[str, ...]:
    names: tuple[str, ...] = readers.texts(raw)
    for name in names:
        if _REFUSED.fullmatch(name):
            raise ValueError(
                f"must not have {name}: keys of a key set are public, so that anybody could sign "
                f"with them. Take some of {', '.join(ALGORITHMS)}"
            )
        if name not in ALGORITHMS:
            hint = did_you_mean(name, ALGORITHMS)
            raise ValueError(f"must be a list of some of {', '.join(ALGORITHMS)}{hint}")
    if not names:
        raise ValueError(f"must be a list of some of {', '.join(ALGORITHMS)}")
    return names


def _leeway(raw: object) -> float:
    seconds: float = readers.seconds_or_none(raw)
    if seconds > MAX_LEEWAY_S:
        raise ValueError(f"must be at most {MAX_LEEWAY_S} seconds: mend the clocks")
    return seconds


def _name(raw: object) -> str:
    if not _NAME.fullmatch(readers.text(raw)):
        raise ValueError("must be 1 to 16 small letters and digits: accounts are named after it")
    return str(raw)


def _accounts(raw: object) -> bool:
    return bool(readers.one_of("own", "shared")(raw) == "shared")


_READERS: Mapping[str, readers.Reader] = {
    "name": _name,
    "issuer": readers.text,
    "audience": _texts,
    "jwks_url": readers.http_url,
    "jwks_file": readers.text,
    "jwks_ca_file": readers.text,
    "jwks_token_file": readers.text,
    "jwks_proxy": readers.proxy_url,
    "algorithms": _algorithms,
    "leeway_s": _leeway,
    "cache_s": readers.seconds,
    "account_claim": _texts,
    "models_claim": _texts,
    "permissions_claim": _texts,
    "limits_claim": _texts,
    "accounts": _accounts,
}
_OF_URLS = ("jwks_ca_file", "jwks_token_file", "jwks_proxy")


def read_issuers(raw: object, folder: Path) -> tuple[IssuerSettings, ...]:
    """Return the issuers of `[auth]` in file order; paths are relative to `folder`.

    Raises:
        Fault: one of them is invalid.
    """
    tables = read_table(raw, {"jwt": readers.anything}, ("auth",)).get("jwt", [])
    issuers: list[IssuerSettings] = []
    for number, table in enumerate(as_tables(tables, ("auth", "jwt"))):
        path = ("auth", "jwt", number)
        issuer = _issuer(table, path, folder)
        _check_first_of_its_kind(issuer, issuers, path)
        issuers.append(issuer)
    return tuple(issuers)


def _issuer(table: Mapping[str, object], path: KeyPath, folder: Path) -> IssuerSettings:
    values = read_table(table, _READERS, path)
    for key in ("issuer", "audience"):
        if key not in values:
            raise bad_table(path, f"needs an {key}: tokens that name another are refused")
    if ("jwks_url" in values) == ("jwks_file" in values):
        raise bad_table(path, "needs either a jwks_url or a jwks_file: where its keys are")
    for key in _OF_URLS:
        if key in values and "jwks_url" not in values:
            raise bad_key((*path, key), "goes with a jwks_url only")
    if "jwks_token_file" in values and urlsplit(values["jwks_url"]).scheme != "https":
        raise bad_key((*path, "jwks_token_file"), "needs a jwks_url that begins with https://")
    values.setdefault("name", hashlib.sha256(values["issuer"].encode()).hexdigest()[:8])
    return IssuerSettings(**_with_files(values, path, folder))


def _with_files(values: dict[str, Any], path: KeyPath, folder: Path) -> dict[str, Any]:
    """Return the values by our names, with files that can be read."""
    for key, name in (("jwks_file", "jwks_file"), ("jwks_token_file", "token_file")):
        if key in values:
            values[name] = readable(values.pop(key), (*path, key), folder)
    if "jwks_ca_file" in values:
        values["ca_file"] = certificates(
            values.pop("jwks_ca_file"), (*path, "jwks_ca_file"), folder
        )
    renamed = {"jwks_proxy": "proxy", "accounts": "shares_accounts"}
    return {renamed.get(key, key): value for key, value in values.items()}


def _check_first_of_its_kind(
    issuer: IssuerSettings, before: Sequence[IssuerSettings], path: KeyPath
) -> None:
    if any(each.issuer == issuer.issuer for each in before):
        raise bad_key(
            (*path, "issuer"), "stands above already: one table an issuer, with all its audiences"
        )
    if any(each.name == issuer.name for each in before):
        raise bad_key((*path, "name"), "stands above already: accounts would be mixed up")
