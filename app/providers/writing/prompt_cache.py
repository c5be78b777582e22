"""Report prompt cache parameters to servers that do not support them (U23). Pure."""

from __future__ import annotations

from app.domain.request import ModelRequest

#: The name under which breakpoints of parts are reported as ignored.
BREAKPOINT = "input.prompt_cache_breakpoint"


def ignored_caching(request: ModelRequest, *, is_known: bool) -> list[str]:
    """Return the request's prompt cache parameters, unless they are known to the server."""
    if is_known:
        return []
    options = request.parameters.prompt_cache_options
    names = [] if options is None else ["prompt_cache_options"]
    return [*names, BREAKPOINT] if request.has_cache_breakpoints else names
