"""What accounts and keys may be called."""

from __future__ import annotations

from app.domain.accounts.accounts import is_account_name
from app.errors import InvalidRequest

_MAX_KEY_NAME = 100


def check_account_name(name: str) -> None:
    """Raise InvalidRequest where no account that is made for keys can be called so."""
    if not is_account_name(name):
        raise InvalidRequest(
            "An account's name is 1 to 64 letters, digits, '.', '_', '@' or '-', and starts with "
            "a letter or a digit.",
            param="account",
            code="invalid_value",
        )


def check_key_name(name: str) -> None:
    """Raise InvalidRequest where no key can be called so."""
    if len(name) > _MAX_KEY_NAME or not name.isprintable():
        raise InvalidRequest(
            f"A key's name is at most {_MAX_KEY_NAME} printable characters.", param="name"
        )
