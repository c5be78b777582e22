"""Where the clients' packages are: an environment of its own for each, under .clients/."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

from clients.catalog import COMMON, Client
from tests.processes import ROOT

HOME = ROOT / ".clients"

_INSTALL_S = 1800


class NotInstalled(Exception):
    """The client's packages cannot be had; the message says why."""


def command(client: Client, *, newest: bool) -> list[str]:
    """Return what runs a client, once its packages are there as pinned, or the newest.

    Raises:
        NotInstalled: there is no such program, or no such package.
    """
    home = HOME / (f"{client.name}-newest" if newest else client.name)
    if client.is_node:
        _node(client, home, newest=newest)
        if client.program:
            return [_program("node"), str(home / "node_modules" / ".bin" / client.program)]
        return [_program("node"), str(home / "client.mjs")]
    _python(client, home, newest=newest)
    return [str(home / "bin" / "python"), str(client.folder / "client.py")]


def installed(name: str) -> Path:
    """Return where a client's packages were last put, as pinned or the newest, if anywhere."""
    return max((HOME / name, HOME / f"{name}-newest"), key=_installed_at)


def _installed_at(home: Path) -> float:
    stamp = home / ".installed"
    return stamp.stat().st_mtime if stamp.exists() else 0


def versions(client: Client, *, newest: bool) -> str:
    """Return the versions that were installed of what the client asks for by name."""
    home = HOME / (f"{client.name}-newest" if newest else client.name)
    if client.is_node:
        wanted = json.loads((client.folder / "package.json").read_text())["dependencies"]
        modules = home / "node_modules"
        found = {
            name: json.loads((modules / name / "package.json").read_text())["version"]
            for name in wanted
        }
    else:
        argv = [str(home / "bin" / "python"), "-m", "pip", "list", "--format=json"]
        listed = {_normal(each["name"]): each["version"] for each in json.loads(_run(argv))}
        names = [line.partition("==")[0] for line in _requirements(client)]
        found = {name: listed[_normal(name)] for name in (each.partition("[")[0] for each in names)}
    return ", ".join(f"{name} {version}" for name, version in found.items())


def _normal(name: str) -> str:
    """Return a package's name in its one form (packaging.python.org, "Names and normalization")."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _python(client: Client, home: Path, *, newest: bool) -> None:
    lines = [line.partition("==")[0] if newest else line for line in _requirements(client)]
    if _is_fresh(home, lines, newest=newest):
        return
    _run([sys.executable, "-m", "venv", "--clear", str(home)])
    pip = [str(home / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    _run([*pip, "install", "--quiet", *lines])
    _stamp(home, lines)


def _requirements(client: Client) -> list[str]:
    lines = (client.folder / "requirements.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _node(client: Client, home: Path, *, newest: bool) -> None:
    package = client.folder / "package.json"
    described = json.loads(package.read_text())
    if newest:
        described["dependencies"] = dict.fromkeys(described["dependencies"], "latest")
    text = json.dumps(described, indent=2)
    if not _is_fresh(home, [text], newest=newest):
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        (home / "package.json").write_text(text)
        _run([_program("npm"), "install", "--no-fund", "--no-audit", "--prefix", str(home)])
        _stamp(home, [text])
    if client.program:
        return
    # A module's imports are looked up from where it stands.
    for module in (client.folder / "client.mjs", *COMMON.glob("*.mjs")):
        shutil.copy(module, home)


def _is_fresh(home: Path, wanted: list[str], *, newest: bool) -> bool:
    """Tell whether what is wanted was installed; what is newest has to be asked each time."""
    stamp = home / ".installed"
    return not newest and stamp.exists() and stamp.read_text() == _digest(wanted)


def _stamp(home: Path, wanted: list[str]) -> None:
    (home / ".installed").write_text(_digest(wanted))


def _digest(wanted: list[str]) -> str:
    return sha256("\n".join(wanted).encode()).hexdigest()


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise NotInstalled(f"there is no {name} on the PATH")
    return found


def _run(argv: list[str]) -> str:
    ended = subprocess.run(  # noqa: S603 - only what stands above is run
        argv, cwd=ROOT, capture_output=True, check=False, timeout=_INSTALL_S, text=True
    )
    if ended.returncode:
        raise NotInstalled((ended.stderr or ended.stdout).strip()[-1000:])
    return ended.stdout
