"""Lua programs, which Redis runs atomically, and how they are called.

They are in `.lua` files, in a folder `lua` beside the module that names them, one program a file. A
program is the concatenation of such texts: constants shared with Python, functions shared by
several programs, then its own code.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redis.exceptions import NoScriptError

from app.domain.frozen import frozen_dataclass
from app.store.connection.round_trip import NEVER_THERE, round_trip
from app.telemetry.tracing import PROGRAMS

#: A command that a program executes.
_CALLED = re.compile(r"redis\.p?call\(\s*['\"](\w+)['\"]", re.ASCII)
#: Texts of programs by their SHA-1.
_TEXTS: dict[str, str] = {}

Arguments = Sequence[str | bytes | int]
#: Removes from KEYS the key that is added on a Cluster (round_trip.bound_to_slot): programs have
#: optional keys, and count theirs.
_OWN_KEYS = f"""\
if (KEYS[#KEYS] or ''):sub(-{len(NEVER_THERE)}) == '{NEVER_THERE}' then KEYS[#KEYS] = nil end"""


class LuaText(str):
    """The text of a .lua file, with the file's name, which becomes the program's."""

    name: str

    def __new__(cls, name: str, text: str) -> LuaText:
        made = super().__new__(cls, text)
        made.name = name
        return made


class LuaFolder:
    """The folder `lua` beside a module: `LuaFolder(__file__)("hide")` is the text of hide.lua."""

    def __init__(self, module: str, *below: str) -> None:
        self._folder = Path(module).with_name("lua").joinpath(*below)

    def __call__(self, name: str) -> LuaText:
        """Return a file's text; files are read once, when the module is imported."""
        return LuaText(name, (self._folder / f"{name}.lua").read_text(encoding="utf-8"))


def constants(**values: int | str) -> str:
    """Return Lua code that defines these constants; texts must have no quotes or backslashes."""
    return "".join(
        f"local {name} = {value}\n" if isinstance(value, int) else f"local {name} = '{value}'\n"
        for name, value in values.items()
    )


class Script:
    """A Lua program. A server that does not know it yet is sent its text."""

    def __init__(self, *texts: str) -> None:
        self.text = "\n".join((_OWN_KEYS, *texts))
        self.sha1 = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()
        _TEXTS[self.sha1] = self.text
        PROGRAMS[self.sha1] = next((each.name for each in texts[::-1] if type(each) is LuaText), "")

    def __call__(self, keys: Sequence[str], arguments: Arguments) -> Call:
        """Return a call of the program with these keys and arguments, to be run."""
        return Call(self, tuple(keys), tuple(arguments))


def commands_at(sha1: str, line: int) -> list[str]:
    """Return the names of the commands in a line of a program, the first of which is line 1."""
    lines = _TEXTS.get(sha1, "").splitlines()
    return _CALLED.findall(lines[line - 1]) if 0 < line <= len(lines) else []


@frozen_dataclass(frozen=True, slots=True)
class Call:
    """A program with its keys and arguments."""

    script: Script
    keys: tuple[str, ...]
    arguments: tuple[str | bytes | int, ...]

    def run(self, client: Any) -> Any:
        """Run it with a redis-py client. Raises what redis-py raises."""
        (result,) = run_all(client, [self])
        return result

    def evalsha(self) -> tuple[Any, ...]:
        """Return the command for a server that knows the program."""
        return ("EVALSHA", self.script.sha1, len(self.keys), *self.keys, *self.arguments)

    def eval(self) -> tuple[Any, ...]:
        """Return the command for any server."""
        return ("EVAL", self.script.text, len(self.keys), *self.keys, *self.arguments)


def run_all(client: Any, calls: Sequence[Call | tuple[Any, ...]]) -> list[Any]:
    """Run calls and plain commands in one round trip, and return the replies in order.

    On a Cluster that is one round trip to each node, in no order among them. Raises the first
    exception that redis-py raises.
    """
    return unfailed(run_each(client, calls))


def run_in_order(client: Any, calls: Sequence[Call | tuple[Any, ...]]) -> list[Any]:
    """Do what `run_all` does on one server, executing the calls in order.

    A server that does not know a program still executes the commands after it: then those are run
    again, in order. Every call must be repeatable anyway: any reply may be lost.
    """
    results = round_trip(client, list(map(by_hash, calls)))
    kinds = list(map(type, results))
    if NoScriptError in kinds:
        first = kinds.index(NoScriptError)
        results[first:] = round_trip(client, list(map(by_text, calls[first:])))
    return unfailed(results)


def by_hash(call: Call | tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the command of a call or a plain command, for a server that knows the program."""
    return call.evalsha() if isinstance(call, Call) else call


def by_text(call: Call | tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the command of a call or a plain command, for any server."""
    return call.eval() if isinstance(call, Call) else call


def unfailed(results: list[Any]) -> list[Any]:
    """Return replies; raise the first exception among them."""
    for result in results:
        if isinstance(result, Exception):
            raise result
    return results


def run_each(client: Any, calls: Sequence[Call | tuple[Any, ...]]) -> list[Any]:
    """Do what `run_all` does, but return exceptions among the replies."""
    results = round_trip(client, list(map(by_hash, calls)))
    if NoScriptError not in map(type, results):
        return results
    for number, call in enumerate(calls):
        if isinstance(call, Call) and type(results[number]) is NoScriptError:
            (results[number],) = round_trip(client, [call.eval()])  # the server did not know it
    return results
