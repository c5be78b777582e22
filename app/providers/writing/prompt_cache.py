"""What a caller says about the cache of prompts, where nothing is made of it (U23). Pure."""

from __future__ import annotations

from app.domain.request import ModelRequest

#: A part's own, under the name by which it is said to be ignored.
BREAKPOINT = "input.prompt_cache_breakpoint"


def ignored_caching(request: ModelRequest, *, is_known: bool) -> list[str]:
    """Name what this request says about it to a server that `is_known` to take it, or not."""
    if is_known:
        return []
    options = request.parameters.prompt_cache_options
    names = [] if options is None else ["prompt_cache_options"]
    return [*names, BREAKPOINT] if request.has_cache_breakpoints else names
