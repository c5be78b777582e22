"""Lua programs that Redis runs by itself, each in one step, and how they are called.

They stand in `.lua` files, in a folder `lua` beside the module that names them, one program a file.
A program is the texts of such files, joined: first constants that Python has, too, then functions
that several programs share, then what is its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redis.exceptions import NoScriptError

from app.domain.frozen import frozen_dataclass
from app.store.connection.round_trip import NEVER_THERE, round_trip
from app.telemetry.tracing import PROGRAMS

Arguments = Sequence[str | bytes | int]
#: Takes from KEYS what a Cluster is sent for the slot's sake (round_trip.bound_to_slot): programs
#: have keys that may be left out, and count theirs.
_OWN_KEYS = f"""\
if (KEYS[#KEYS] or ''):sub(-{len(NEVER_THERE)}) == '{NEVER_THERE}' then KEYS[#KEYS] = nil end"""


class LuaText(str):
    """The text of a file, and its name, which is that of the program it makes."""

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
        """Return a file's text; it is read when the module is imported, once."""
        return LuaText(name, (self._folder / f"{name}.lua").read_text(encoding="utf-8"))


def constants(**values: int | str) -> str:
    """Return Lua that names these values; a text has no quotes or backslashes in it."""
    return "".join(
        f"local {name} = {value}\n" if isinstance(value, int) else f"local {name} = '{value}'\n"
        for name, value in values.items()
    )


class Script:
    """A Lua program. A server that does not know it yet is sent its text."""

    def __init__(self, *texts: str) -> None:
        self.text = "\n".join((_OWN_KEYS, *texts))
        self.sha1 = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()
        PROGRAMS[self.sha1] = next((each.name for each in texts[::-1] if type(each) is LuaText), "")

    def __call__(self, keys: Sequence[str], arguments: Arguments) -> Call:
        """Return a call of the program, to be run."""
        return Call(self, tuple(keys), tuple(arguments))


@frozen_dataclass(frozen=True, slots=True)
class Call:
    """A program with its keys and arguments."""

    script: Script
    keys: tuple[str, ...]
    arguments: tuple[str | bytes | int, ...]

    def run(self, client: Any) -> Any:
        """Run it with a client of redis-py. Raises what redis-py raises."""
        (result,) = run_all(client, [self])
        return result

    def evalsha(self) -> tuple[Any, ...]:
        """Return the command for a server that knows the program."""
        return ("EVALSHA", self.script.sha1, len(self.keys), *self.keys, *self.arguments)

    def eval(self) -> tuple[Any, ...]:
        """Return the command for any server."""
        return ("EVAL", self.script.text, len(self.keys), *self.keys, *self.arguments)


def run_all(client: Any, calls: Sequence[Call | tuple[Any, ...]]) -> list[Any]:
    """Run calls and plain commands in one round trip, and return the reply to each as it came.

    On a Cluster that is one round trip to each node, and no order among them. Raises what
    redis-py raises for the first that failed.
    """
    return unfailed(run_each(client, calls))


def run_in_order(client: Any, calls: Sequence[Call | tuple[Any, ...]]) -> list[Any]:
    """Do what `run_all` does on one server; a call runs once those before it have.

    A server that does not know a program goes on with what is behind it: then that is run again,
    in its order. Each may be repeated: the reply to any of them may be lost as well.
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
    """Return replies; raise the first of them that is an exception."""
    for result in results:
        if isinstance(result, Exception):
            raise result
    return results


def run_each(client: Any, calls: Sequence[Call | tuple[Any, ...]]) -> list[Any]:
    """Do what `run_all` does, but return what failed as its exception, among the others."""
    results = round_trip(client, list(map(by_hash, calls)))
    if NoScriptError not in map(type, results):
        return results
    for number, call in enumerate(calls):
        if isinstance(call, Call) and type(results[number]) is NoScriptError:
            (results[number],) = round_trip(client, [call.eval()])  # the server did not know it
    return results
