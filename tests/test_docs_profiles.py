"""docs/profiles.md lists every profile as it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from app.providers.profiles import PROFILES, Profile
from app.providers.profiles.hosts import HOSTS, PORTS

DOCUMENT = Path(__file__).parent.parent / "docs" / "profiles.md"


def rows() -> Iterator[str]:
    """Yield the rows of the table."""
    generic = PROFILES["generic"]
    for name, profile in PROFILES.items():
        hosts = [f"`{host}`" for host, its in HOSTS.items() if its == name]
        hosts += [f"port {port}" for port, its in PORTS.items() if its == name]
        differences = _differences(profile, generic)
        yield f"| {name} | {', '.join(hosts) or 'none'} | {differences or 'nothing'} |"


def _differences(profile: Profile, generic: Profile) -> str:
    names = [field.name for field in fields(Profile) if field.name != "name"]
    values = {name: getattr(profile, name) for name in names}
    found = {name: value for name, value in values.items() if value != getattr(generic, name)}
    return ", ".join(
        f"{'' if value else 'no '}{name}" if isinstance(value, bool) else f"{name} = {value}"
        for name, value in found.items()
    )


def test_the_document_lists_every_profile_as_it_is() -> None:
    lines = DOCUMENT.read_text().splitlines()
    assert lines[lines.index("|---|---|---|") + 1 :] == list(rows())
