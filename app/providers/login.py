"""How OpenAI's formats are told whose call it is."""

from __future__ import annotations


def bearer(key: str | None, header: str) -> dict[str, str]:
    """Return the header that holds a provider's key; a token of three parts is always a bearer.

    Azure takes its keys in `api-key`, and the tokens of its directory in `Authorization`.
    """
    if not key:
        return {}
    if header == "Authorization" or key.count(".") == 2:
        return {"Authorization": f"Bearer {key}"}
    return {header: key}
