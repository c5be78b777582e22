"""Another gateway with the same upstream: LiteLLM's proxy, installed in a venv of its own."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.questions import MODEL
from bench.servers import HOST, Place, Server, serving
from tests.processes import free_port

#: The proxy needs not only the package but the dependencies of its extra.
_VERSION = """
import fastapi, uvicorn
from importlib.metadata import version
print(version("litellm"))
"""


class NotInstalled(Exception):
    """LiteLLM's proxy is not in the given venv; the message has a remedy."""


@dataclass(frozen=True, slots=True)
class LiteLLM:
    """An installation of LiteLLM's proxy."""

    command: Path
    version: str


def installed(venv: Path) -> LiteLLM:
    """Return the installation in a venv. Raises NotInstalled."""
    command, python = (venv.absolute() / "bin" / name for name in ("litellm", "python"))
    if command.exists():
        argv = [str(python), "-c", _VERSION]
        result = subprocess.run(argv, capture_output=True, text=True, check=False)  # noqa: S603 - ours
        if result.returncode == 0:
            return LiteLLM(command, result.stdout.strip())
    raise NotInstalled(
        f"LiteLLM's proxy is not installed in {venv}: pip install 'litellm[proxy]' into any venv, "
        "then make bench-peers PEERS_VENV=DIR."
    )


@contextlib.contextmanager
def running(litellm: LiteLLM, where: Place) -> Iterator[Server]:
    """Run the proxy in its default form: one worker, a master key, no database, nothing stored."""
    port, key = free_port(), f"sk-{secrets.token_hex(16)}"
    target = {
        "model": f"openai/{MODEL}",
        "api_base": where.upstream.places.url + "/v1",
        "api_key": "none",
    }
    models = [{"model_name": MODEL, "litellm_params": target}]
    config = where.directory / "litellm.yaml"  # JSON is valid YAML
    config.write_text(json.dumps({"model_list": models, "general_settings": {"master_key": key}}))
    argv = (str(litellm.command), "--config", str(config), "--host", HOST, "--port", str(port))
    # Without this it would download its list of prices at start.
    env = {"PATH": os.defpath, "HOME": str(where.directory), "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    with serving(argv, env, port, 0, where.directory) as processes:
        yield Server("litellm", port, "chat", key, processes)
