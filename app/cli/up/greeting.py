"""What `up` prints once the gateway answers."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from app.cli.common.address import curl_target
from app.settings import ProviderSettings

#: Maximum number of model names in the greeting.
_MOST_MODELS = 12
#: Pages for people, and the words that are printed before their addresses.
PAGES = {"/console": "Or look", "/docs/": "Or read"}
_GLOB = frozenset("*?[")


def greeting(
    bind: str,
    key: str,
    key_file: Path,
    models: Sequence[str],
    providers: Sequence[ProviderSettings],
    *,
    pages: Mapping[str, str] = PAGES,
) -> str:
    """Return the address of the gateway, a curl command that works, and the models there are.

    `models` are those known by name, `pages` the pages for browsers, by path.
    """
    reachable = {} if bind.startswith("unix:") else pages
    return "\n".join(
        [
            "",
            f"Responses Gateway answers at {curl_target(bind, '/v1')} (Ctrl-C ends it). Try it:",
            "",
            curl(bind, key, _model(models, providers)),
            "",
            *(f"{word}: {curl_target(bind, path)}" for path, word in reachable.items()),
            *([""] if reachable else ()),
            "Models: " + "; ".join([_listed(models), *_globs(providers)]),
            f"The key is kept in {key_file}. Make others: "
            f"{command_name()} keys create --account NAME",
            "",
        ]
    )


def command_name() -> str:
    """Return how the operator's command is called from this folder."""
    program = Path(sys.executable).with_name("responses-gateway")
    found = shutil.which(program.name)
    if found is not None and Path(found) == program:
        return program.name
    return shlex.quote(
        os.path.relpath(program) if program.is_relative_to(Path.cwd()) else str(program)
    )


def curl(bind: str, key: str, model: str) -> str:
    """Return a command that asks `model` something, ready to be pasted."""
    body = json.dumps({"model": model, "input": "Hello, world!"})
    return (
        f"curl {curl_target(bind, '/v1/responses')} -H 'Authorization: Bearer {key}' "
        f"-H 'Content-Type: application/json' -d {shlex.quote(body)}"
    )


def _model(models: Sequence[str], providers: Iterable[ProviderSettings]) -> str:
    """Choose the built-in model, which depends on nobody else, if there is one."""
    built_in = (f"{each.name}/echo" for each in providers if each.api == "local")
    return next(built_in, models[0] if models else "MODEL")


def _listed(models: Sequence[str]) -> str:
    more = (
        f" and {len(models) - _MOST_MODELS} more (GET /v1/models)"
        if len(models) > _MOST_MODELS
        else ""
    )
    return ", ".join(models[:_MOST_MODELS]) + more


def _globs(providers: Iterable[ProviderSettings]) -> Iterator[str]:
    for provider in providers:
        globs = [glob for glob in provider.models if not _GLOB.isdisjoint(glob)]
        if globs:
            yield f"{', '.join(globs)} at {provider.name}"
