"""The Helm chart: what it renders is what Kubernetes takes, and what the gateway needs."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import kubernetes_validate
import pytest
import yaml

from app import __version__
from app.settings import BackgroundSettings, RequestSettings, Settings
from tests.deploy.chart import CAN_RENDER, CHART, KUBERNETES, RENDERED, digest, kept, render
from tests.deploy.documents import Yaml, load_all, variables

#: The oldest and the newest Kubernetes whose schemas manifests are held to.
VERSIONS = ("1.27", "1.37")
#: What is no part of Kubernetes.
ADDED = {"ServiceMonitor"}


def manifests(name: str, kind: str, component: str = "") -> list[Yaml]:
    return [
        each
        for each in load_all(kept(name))
        if each["kind"] == kind and each["metadata"]["name"].endswith(component)
    ]


def pods(name: str) -> dict[str, Yaml]:
    """Return the pods' specifications, by the gateway's part that they are."""
    found = {}
    for each in load_all(kept(name)):
        if each["kind"] in ("Deployment", "StatefulSet"):
            template = each["spec"]["template"]
            found[template["metadata"]["labels"]["app.kubernetes.io/component"]] = template["spec"]
    return found


each_set = pytest.mark.parametrize("name", RENDERED)
each_part = pytest.mark.parametrize("part", ["web", "worker"])


@pytest.mark.parametrize("version", VERSIONS)
@each_set
def test_kubernetes_takes_what_was_rendered(name: str, version: str) -> None:
    documents = [each for each in load_all(kept(name)) if each["kind"] not in ADDED]
    assert len(documents) >= 10
    for document in documents:
        kubernetes_validate.validate(document, version, strict=True)


@each_set
def test_what_was_rendered_is_of_this_chart(name: str) -> None:
    # Where helm is not, this is all that holds the two together: `python -m tests.deploy.chart`.
    assert f"# chart: sha256:{digest()}\n" in kept(name).read_text()


@pytest.mark.skipif(not CAN_RENDER, reason="neither helm nor helm-python-sdk is here")
@each_set
def test_the_chart_renders_what_is_kept(name: str) -> None:
    assert render(RENDERED[name]) == load_all(kept(name))


def test_the_chart_is_of_this_release() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == __version__
    assert re.findall(r"[\d.]+", chart["kubeVersion"])[0] <= KUBERNETES


@each_part
@each_set
def test_a_pod_can_do_little(name: str, part: str) -> None:
    pod = pods(name)[part]
    (container,) = pod["containers"]
    security = pod["securityContext"]
    assert security["runAsNonRoot"]
    assert security["runAsUser"] == 10001
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False
    assert container["resources"]["limits"]["memory"]


@each_part
@each_set
def test_secrets_come_as_files_that_exist_elsewhere(name: str, part: str) -> None:
    pod = pods(name)[part]
    (container,) = pod["containers"]
    assert all("valueFrom" not in each for each in container["env"])
    sources = next(v for v in pod["volumes"] if v["name"] == "secrets")["projected"]["sources"]
    mounted = {f"/run/secrets/gateway/{s['secret']['items'][0]['path']}" for s in sources}
    named = {e["value"] for e in container["env"] if e["name"].endswith("_FILE")}
    assert named == mounted
    assert manifests(name, "Secret") == []


@each_part
@each_set
def test_every_variable_is_one_that_the_gateway_reads(name: str, part: str) -> None:
    (container,) = pods(name)[part]["containers"]
    named = {each["name"].removesuffix("_FILE") for each in container["env"]}
    assert named - variables() - {"HOUSE_KEY"} == set()


def config(name: str) -> dict[str, Any]:
    (found,) = manifests(name, "ConfigMap")
    return tomllib.loads(found["data"]["gateway.toml"])


@each_set
def test_the_gateway_takes_its_configuration(
    name: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (found,) = manifests(name, "ConfigMap")
    (tmp_path / "gateway.toml").write_text(found["data"]["gateway.toml"])
    assert Settings.from_env({"OPENAI_API_KEY": "sk-a", "REDIS_URL": "redis://redis"}).providers


@each_set
def test_web_has_the_time_that_its_answers_are_given(name: str) -> None:
    pod = pods(name)["web"]
    (container,) = pod["containers"]
    command = container["lifecycle"]["preStop"]["exec"]["command"]
    assert command[:3] == ["python", "/srv/probe.py", "drain"]
    least_s, most_s = map(float, command[3:])
    assert 0 < least_s < most_s
    grace_s = config(name).get("requests", {}).get("grace_s", RequestSettings().grace_s)
    assert pod["terminationGracePeriodSeconds"] >= most_s + grace_s + 10


def test_the_times_to_stop_are_those_of_the_contract() -> None:
    found = {part: pod["terminationGracePeriodSeconds"] for part, pod in pods("default").items()}
    assert found == {"web": 60, "worker": 830}
    assert found["worker"] >= BackgroundSettings().drain_s + 30


@each_set
def test_probes_ask_at_ports_that_answer_them(name: str) -> None:
    ports = {
        part: {each["name"]: each["containerPort"] for each in pod["containers"][0]["ports"]}
        for part, pod in pods(name).items()
    }
    assert ports == {"web": {"http": 8000, "metrics": 9102}, "worker": {"metrics": 9101}}
    binds = {
        part: {e["name"]: e["value"] for e in pod["containers"][0]["env"]}
        for part, pod in pods(name).items()
    }
    assert binds["web"]["METRICS_BIND"] == "0.0.0.0:9102"
    assert binds["worker"]["WORKER_METRICS_BIND"] == "0.0.0.0:9101"
    web, worker = (pods(name)[part]["containers"][0] for part in ("web", "worker"))
    assert web["startupProbe"]["httpGet"] == {"path": "/readyz", "port": "metrics"}
    # Redis away is no reason to take all of web out of service, or to restart workers.
    assert web["readinessProbe"]["httpGet"]["path"] == "/healthz"
    assert web["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert worker["readinessProbe"]["httpGet"] == {"path": "/healthz", "port": "metrics"}
    assert "httpGet" not in worker["livenessProbe"]


@each_set
def test_another_configuration_makes_new_pods(name: str) -> None:
    sums = {
        each["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
        for each in load_all(kept(name))
        if each["kind"] in ("Deployment", "StatefulSet")
    }
    assert len(sums) == 1


@each_set
def test_a_budget_an_autoscaler_and_a_policy_are_for_pods_that_there_are(name: str) -> None:
    labels = [
        each["spec"]["template"]["metadata"]["labels"]
        for each in load_all(kept(name))
        if each["kind"] in ("Deployment", "StatefulSet")
    ]
    selectors = [
        (each["spec"].get("selector") or each["spec"]["podSelector"])["matchLabels"]
        for each in load_all(kept(name))
        if each["kind"] in ("PodDisruptionBudget", "NetworkPolicy")
    ]
    selectors += [s["spec"]["selector"] for s in manifests(name, "Service")]
    assert len(selectors) == 7
    for selector in selectors:
        assert sum(selector.items() <= each.items() for each in labels) == 1
    for scaler in manifests(name, "HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        assert manifests(name, target["kind"], target["name"])
        assert "replicas" not in manifests(name, target["kind"], target["name"])[0]["spec"]


def test_prometheus_finds_web_and_the_worker_under_the_names_that_alerts_ask_for() -> None:
    monitors = manifests("full", "ServiceMonitor")
    assert len(monitors) == 2
    for monitor in monitors:
        wanted = monitor["spec"]["selector"]["matchLabels"]
        (service,) = [
            each
            for each in manifests("full", "Service")
            if wanted.items() <= each["metadata"]["labels"].items()
        ]
        (endpoint,) = monitor["spec"]["endpoints"]
        assert endpoint["port"] in {each["name"] for each in service["spec"]["ports"]}
        job = endpoint["relabelings"][0]["replacement"]
        assert job == f"gateway-{wanted['responses-gateway/metrics']}"


def test_a_spool_may_outlive_its_pod() -> None:
    (web,) = manifests("full", "StatefulSet")
    (claim,) = web["spec"]["volumeClaimTemplates"]
    assert claim["metadata"]["name"] == "spool"
    mounts = {
        e["name"]: e["mountPath"] for e in pods("full")["web"]["containers"][0]["volumeMounts"]
    }
    assert mounts["spool"] == "/spool"
