"""Secrets in files: NAME_FILE names the file that holds what NAME would.

So come the secrets of Docker and Kubernetes and the credentials of systemd: an environment is shown
by /proc, by `docker inspect` and by every crash report, a file to whoever may read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from app.settings.errors import SettingsError

#: The variables, apart from keys of providers, that may be in a file.
SECRETS = frozenset({"REDIS_URL", "GATEWAY_SECRET"})


def secret_file(environ: Mapping[str, str], name: str) -> Path | None:
    """Return the file that a variable is in, None where none is named.

    Raises:
        SettingsError: the variable is set as well.
    """
    file = environ.get(f"{name}_FILE", "").strip()
    if file and environ.get(name, "").strip():
        raise SettingsError(f"{name} and {name}_FILE are both set: keep one of them")
    return Path(file) if file else None


def read_secret(environ: Mapping[str, str], name: str) -> str:
    """Return what a variable, or its file, holds; "" for nothing.

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
