"""Values of `include` that concern tools run by providers (R11)."""

from __future__ import annotations

from collections.abc import Collection, Mapping

#: The tool types that each value concerns.
INCLUDED_OF: Mapping[str, tuple[str, ...]] = {
    "file_search_call.results": ("file_search",),
    "web_search_call.results": ("web_search", "web_search_preview"),
    "web_search_call.action.sources": ("web_search", "web_search_preview"),
    "computer_call_output.output.image_url": ("computer", "computer_use_preview"),
    "code_interpreter_call.outputs": ("code_interpreter",),
}


def included(include: Collection[str], types: Collection[str]) -> list[str]:
    """Return those values that a provider running tools of these types knows, in order."""
    return [
        value
        for value, of in INCLUDED_OF.items()
        if value in include and any(each in types for each in of)
    ]
