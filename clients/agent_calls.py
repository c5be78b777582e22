"""The calls that an agent's model makes by script, on servers that know the tools and on others."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.tools import qualified
from tests.upstream.script import Call

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class AgentCall:
    """A call by an agent's model. A custom tool's `given` is a text, another's is JSON.

    `item` is what a server that knows a built-in tool makes of its call.
    """

    id: str
    name: str
    given: str
    namespace: str | None = None
    is_custom: bool = False
    item: Json | None = None

    def scripted(self, *, as_it_is: bool) -> Call:
        """Return the call as the upstream makes it: `as_it_is`, or of a function."""
        if not as_it_is:
            arguments = json.dumps({"input": self.given}) if self.is_custom else self.given
            return Call(id=self.id, name=qualified(self.namespace, self.name), arguments=arguments)
        if self.item is not None:
            return Call(id=self.id, item=self.item)
        return Call(
            id=self.id,
            name=self.name,
            arguments=self.given,
            namespace=self.namespace or "",
            type="custom_tool_call" if self.is_custom else "function_call",
        )


def call_faults(
    calls: Sequence[AgentCall], body: Json, *, as_it_is: bool, kinds: frozenset[str]
) -> Iterator[str]:
    """Yield what is wrong with a request behind the calls: each is there once, with its output.

    `kinds` are the types of tools, and of items that bring them, that a server which knows them
    must be sent.
    """
    told = json.dumps(body.get("messages") or body["input"])
    for call in calls:
        if (times := told.count(f'"{call.id}"')) != len(("call", "output")):
            yield f"the last request has the call {call.id} and its output {times} times in all"
    if as_it_is and (missing := kinds - _kinds(body)):
        yield f"a server that knows them was not sent {', '.join(sorted(missing))}"


def _kinds(body: Json) -> set[str]:
    """Return the types of the tools that a server was sent, and of the items that bring them."""
    bringing = [item for item in body["input"] if item["type"] == "additional_tools"]
    tools = [*body.get("tools", ()), *(tool for item in bringing for tool in item["tools"])]
    inner = [each for tool in tools for each in tool.get("tools", ())]
    return {each["type"] for each in [*bringing, *tools, *inner]}
