"""Rules for the names of accounts and keys."""

from __future__ import annotations

from app.domain.accounts.accounts import is_account_name
from app.errors import InvalidRequest

_MAX_KEY_NAME = 100


def check_account_name(name: str) -> None:
    """Raise InvalidRequest if no account that has keys can have this name."""
    if not is_account_name(name):
        raise InvalidRequest(
            "An account's name is 1 to 64 letters, digits, '.', '_', '@' or '-', and starts with "
            "a letter or a digit.",
            param="account",
            code="invalid_value",
        )


def check_key_name(name: str) -> None:
    """Raise InvalidRequest if no key can have this name."""
    if len(name) > _MAX_KEY_NAME or not name.isprintable():
        raise InvalidRequest(
            f"A key's name is at most {_MAX_KEY_NAME} printable characters.", param="name"
        )
