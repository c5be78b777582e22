"""The chart, rendered: `python -m tests.deploy.chart` writes deploy/helm/rendered anew.

It takes `helm`, or else the package helm-python-sdk, which has Helm's own library in it; neither is
among what the tests need. What was rendered names the chart that it was rendered from by its hash.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from tests.deploy.documents import DEPLOY, load_all

CHART = DEPLOY / "helm"
RELEASE, NAMESPACE = "responses-gateway", "gateway"
KUBERNETES = "1.31.0"
#: What is kept, and the values that it is rendered with beside the chart's own.
RENDERED: dict[str, Path | None] = {"default": None, "full": CHART / "ci" / "full-values.yaml"}
HELM = shutil.which("helm")
CAN_RENDER = HELM is not None or find_spec("helm_python") is not None


def render(values: Path | None) -> list[dict[str, Any]]:
    """Return the manifests, by kind and name."""
    text = _by_command(values) if HELM else _by_library(values)
    documents = [each for each in yaml.safe_load_all(text) if each]
    return sorted(documents, key=lambda each: (each["kind"], each["metadata"]["name"]))


def kept(name: str) -> Path:
    """Return the file of what was rendered."""
    return CHART / "rendered" / f"{name}.yaml"


def digest() -> str:
    """Return the SHA-256 of all that manifests are rendered from."""
    names = ("Chart.yaml", "values.yaml", "ci/*.yaml", "templates/*")
    files = sorted(path for name in names for path in CHART.glob(name))
    content = {path.relative_to(CHART).as_posix(): path.read_text() for path in files}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _by_command(values: Path | None) -> str:
    argv = [str(HELM), "template", RELEASE, str(CHART), "--namespace", NAMESPACE]
    argv += ["--kube-version", KUBERNETES, *(["--values", str(values)] if values else [])]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout  # noqa: S603 - helm


def _by_library(values: Path | None) -> str:
    helm = import_module("helm_python")
    given = yaml.safe_load(values.read_text()) if values else {}
    with helm.Chart.load(CHART) as chart:
        chart.validate_schema(given)
        manifests = chart.render(given, name=RELEASE, namespace=NAMESPACE)
    return "\n---\n".join(text for path, text in manifests.items() if path.endswith(".yaml"))


def main() -> None:
    """Write what is kept."""
    if not CAN_RENDER:
        sys.exit("Neither helm nor helm-python-sdk is here: pip install helm-python-sdk")
    for name, values in RENDERED.items():
        head = f"# helm template {RELEASE} deploy/helm --namespace {NAMESPACE}"
        head += f" --values deploy/helm/{values.relative_to(CHART)}" if values else ""
        text = yaml.safe_dump_all(render(values), sort_keys=False, explicit_start=True, width=100)
        kept(name).write_text(f"{head}\n# chart: sha256:{digest()}\n{text}")
        sys.stdout.write(f"{name}: {len(load_all(kept(name)))} manifests\n")


if __name__ == "__main__":
    main()
