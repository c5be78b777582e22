"""Which parts of a request a provider is sent unchanged, though the gateway does not know them."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace

from app.settings import EVERYTHING_ELSE, HOSTED_TOOLS, OWN_FIELDS

#: Date suffix of a tool type: `web_search_2025_08_26` is a version of `web_search`.
_DATE = re.compile(r"_[0-9]{4}_[0-9]{2}_[0-9]{2}\Z")


@dataclass(frozen=True, slots=True)
class PassPolicy:
    """`forward` names fields (P1), `hosted_tools` types of tools that the provider runs (P2)."""

    forward: frozenset[str] = frozenset()
    hosted_tools: frozenset[str] = frozenset()

    @property
    def tools_in_order(self) -> tuple[str, ...]:
        """The types of tools, in the order of lists."""
        return tuple(each for each in HOSTED_TOOLS if each in self.hosted_tools)

    @property
    def fields_in_order(self) -> tuple[str, ...]:
        """The names of fields, in the order of lists."""
        return tuple(sorted(self.forward))

    def joined(self, other: PassPolicy) -> PassPolicy:
        """Return the union of both policies."""
        return PassPolicy(self.forward | other.forward, self.hosted_tools | other.hosted_tools)

    def forwards(self, path: str) -> bool:
        """Tell whether the field at this path is sent; an object's name covers everything in it.

        Fields inside an array cannot be named, and fields that the gateway decides on are never
        sent.
        """
        names, field = self.forward, path.partition(".")[0]
        if not names or "[" in path or field in OWN_FIELDS:
            return False
        return EVERYTHING_ELSE in names or path in names or field in names

    def passes(self, tool_type: str) -> bool:
        """Tell whether tools of this type, dated or not, are sent."""
        return bool(self.hosted_tools) and undated(tool_type) in self.hosted_tools

    def restricted(self, allowed: Collection[str] | None) -> PassPolicy:
        """Return the policy with only the allowed tools; None allows all."""
        if allowed is None or self.hosted_tools.issubset(allowed):
            return self
        return replace(self, hosted_tools=self.hosted_tools.intersection(allowed))


#: The policy of a provider that is only sent what the gateway knows.
NOTHING_PASSES = PassPolicy()


def undated(tool_type: str) -> str:
    """Return the type of a tool without its date."""
    return _DATE.sub("", tool_type)
