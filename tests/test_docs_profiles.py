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
    found = {name: getattr(profile, name) for name in _differing(profile, generic)}
    return ", ".join(
        f"{'' if value else 'no '}{name}"
        if isinstance(value, bool) or not value
        else f"{name} = {value}"
        for name, value in found.items()
    )


def _differing(profile: Profile, generic: Profile) -> list[str]:
    names = [field.name for field in fields(Profile) if field.name != "name"]
    return [name for name in names if getattr(profile, name) != getattr(generic, name)]


def _tables() -> list[list[str]]:
    """Return the rows of the document's tables."""
    parts = DOCUMENT.read_text().split("|---|---|---|\n")[1:]
    return [[line for line in part.splitlines() if line.startswith("|")] for part in parts]


def test_the_document_lists_every_profile_as_it_is() -> None:
    listed, _ = _tables()
    assert listed[:-1] == list(rows())  # the last one is the next table's head


def test_every_flag_of_every_profile_has_one_source() -> None:
    _, sources = _tables()
    found: dict[str, list[str]] = {name: [] for name in PROFILES}
    for row in sources:
        name, flags, source = (cell.strip() for cell in row.strip("|").split("|"))
        assert source
        found[name] += flags.split(", ")
    for name, profile in PROFILES.items():
        assert sorted(found[name]) == sorted(_differing(profile, PROFILES["generic"])), name
