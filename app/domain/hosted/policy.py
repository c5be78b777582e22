"""What of a request its provider is sent as it came, though the gateway does not know it."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace

from app.settings import EVERYTHING_ELSE, HOSTED_TOOLS, OWN_FIELDS

#: `web_search_2025_08_26` is `web_search` of a day.
_DATE = re.compile(r"_[0-9]{4}_[0-9]{2}_[0-9]{2}\Z")


@dataclass(frozen=True, slots=True)
class PassPolicy:
    """`forward` names fields (P1), `hosted_tools` the types of tools that it runs itself (P2)."""

    forward: frozenset[str] = frozenset()
    hosted_tools: frozenset[str] = frozenset()

    @property
    def tools_in_order(self) -> tuple[str, ...]:
        """The types of tools, as lists show them."""
        return tuple(each for each in HOSTED_TOOLS if each in self.hosted_tools)

    @property
    def fields_in_order(self) -> tuple[str, ...]:
        """The names of fields, as lists show them."""
        return tuple(sorted(self.forward))

    def joined(self, other: PassPolicy) -> PassPolicy:
        """Return what either is sent."""
        return PassPolicy(self.forward | other.forward, self.hosted_tools | other.hosted_tools)

    def forwards(self, path: str) -> bool:
        """Tell whether the field of this path is sent; an object's name stands for all in it.

        What is inside an array has no name of its own, and what the gateway decides on is no
        field of the upstream's.
        """
        names, field = self.forward, path.partition(".")[0]
        if not names or "[" in path or field in OWN_FIELDS:
            return False
        return EVERYTHING_ELSE in names or path in names or field in names

    def passes(self, tool_type: str) -> bool:
        """Tell whether tools of this type are sent, which may be dated."""
        return bool(self.hosted_tools) and undated(tool_type) in self.hosted_tools

    def restricted(self, allowed: Collection[str] | None) -> PassPolicy:
        """Return the policy with those tools only that are allowed; None allows all."""
        if allowed is None or self.hosted_tools.issubset(allowed):
            return self
        return replace(self, hosted_tools=self.hosted_tools.intersection(allowed))


#: Of a provider that is sent what the gateway knows, and nothing else.
NOTHING_PASSES = PassPolicy()


def undated(tool_type: str) -> str:
    """Return the type of a tool without the day that its form is of."""
    return _DATE.sub("", tool_type)
