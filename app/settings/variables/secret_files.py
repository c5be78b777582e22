"""Secrets in files: NAME_FILE names a file with the value of NAME.

Docker, Kubernetes and systemd provide secrets in this way: an environment is visible in /proc,
`docker inspect` and crash reports, a file only to those who may read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from app.settings.errors import SettingsError

#: Variables, apart from providers' keys, that may be in a file.
SECRETS = frozenset({"REDIS_URL", "GATEWAY_SECRET"})


def secret_file(environ: Mapping[str, str], name: str) -> Path | None:
    """Return the file that has a variable's value, None if there is none.

    Raises:
        SettingsError: the variable is set as well.
    """
    file = environ.get(f"{name}_FILE", "").strip()
    if file and environ.get(name, "").strip():
        raise SettingsError(f"{name} and {name}_FILE are both set: keep one of them")
    return Path(file) if file else None


def read_secret(environ: Mapping[str, str], name: str) -> str:
    """Return the value of a variable, or of its file; "" if there is none.

    Raises:
        SettingsError: both are set, or the file cannot be read or is empty.
    """
    file = secret_file(environ, name)
    if file is None:
        return environ.get(name, "")
    try:
        secret = file.read_text("utf-8", "replace")
    except OSError as error:
        why = f"names a file that cannot be read: {error.strerror}"
        raise SettingsError(f"{name}_FILE {why}") from None
    if not secret.strip():
        raise SettingsError(f"{name}_FILE names a file that is empty")
    return secret
