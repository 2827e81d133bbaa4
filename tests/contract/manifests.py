"""The overlays of deploy/ as built by kubectl, and the references between their objects."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.contract.sources import ROOT

OVERLAYS = sorted(path.name for path in (ROOT / "deploy/overlays").iterdir())
WORKLOADS = ("Deployment", "StatefulSet", "Job", "CronJob")
UNITS = {"Mi": 1, "Gi": 1024}  # in MiB

Manifest = dict[str, Any]


@dataclass(frozen=True)
class Workload:
    """A manifest with a pod template."""

    manifest: Manifest

    @property
    def name(self) -> str:
        name: str = self.manifest["metadata"]["name"]
        return name

    @property
    def spec(self) -> Manifest:
        """Return the spec that has the pod template: that of a CronJob's Job, or its own."""
        spec: Manifest = self.manifest["spec"].get("jobTemplate", self.manifest)["spec"]
        return spec

    @property
    def labels(self) -> dict[str, str]:
        """Return the labels of its pods."""
        labels: dict[str, str] = self.spec["template"]["metadata"]["labels"]
        return labels

    @property
    def pod(self) -> Manifest:
        pod: Manifest = self.spec["template"]["spec"]
        return pod

    @property
    def containers(self) -> list[Manifest]:
        return [*self.pod.get("initContainers", []), *self.pod["containers"]]

    def ports(self) -> dict[str, int]:
        """Return its ports by name."""
        return {
            port["name"]: port["containerPort"]
            for container in self.containers
            for port in container.get("ports", [])
        }

    def mounted_files(self) -> dict[str, str]:
        """Return the names of the Secrets that each mounted file of several Secrets is of, by its path."""
        mounts = {
            mount["name"]: mount["mountPath"]
            for container in self.containers
            for mount in container.get("volumeMounts", [])
        }
        return {
            f"{mounts[volume['name']]}/{item['path']}": source["secret"]["name"]
            for volume in self.pod.get("volumes", [])
            for source in volume.get("projected", {}).get("sources", [])
            if "secret" in source
            for item in source["secret"].get("items", [])
        }

    def mounted_secrets(self) -> dict[str, str]:
        """Return the names of mounted Secrets by mount path."""
        secrets = {
            volume["name"]: volume["secret"]["secretName"]
            for volume in self.pod.get("volumes", [])
            if "secret" in volume
        } | {
            volume["name"]: source["secret"]["name"]
            for volume in self.pod.get("volumes", [])
            for source in volume.get("projected", {}).get("sources", [])
            if "secret" in source
        }
        return {
            mount["mountPath"]: secrets[mount["name"]]
            for container in self.containers
            for mount in container.get("volumeMounts", [])
            if mount["name"] in secrets
        }


class Overlay:
    """One built overlay."""

    def __init__(self, manifests: list[Manifest]) -> None:
        self.manifests = manifests
        self.workloads = [Workload(each) for each in manifests if each["kind"] in WORKLOADS]

    def kind(self, kind: str) -> list[Manifest]:
        return [each for each in self.manifests if each["kind"] == kind]

    def services(self) -> Iterator[tuple[str, Workload]]:
        """Yield the Letterhead services by the name of their package."""
        for workload in self.workloads:
            module = workload.containers[0].get("command", [""])[-1]
            if module.startswith("services."):
                yield module.removeprefix("services."), workload

    def selected(self, selector: Manifest) -> list[Workload]:
        """Return the workloads whose pods match a label selector; an empty one matches all."""
        wanted = selector.get("matchLabels", selector if "matchExpressions" not in selector else {})
        return [each for each in self.workloads if wanted.items() <= each.labels.items()]

    def environment(self, workload: Workload) -> dict[str, str]:
        """Return the environment variables of the first container."""
        container = workload.containers[0]
        maps = {each["metadata"]["name"]: each["data"] for each in self.kind("ConfigMap")}
        found: dict[str, str] = {}
        for source in container.get("envFrom", []):
            found |= maps[source["configMapRef"]["name"]]
        return found | {each["name"]: each["value"] for each in container.get("env", []) if "value" in each}


@cache
def built(name: str) -> Overlay:
    """Return an overlay as built by kubectl."""
    done = run_tool("kubectl", "kustomize", str(ROOT / "deploy/overlays" / name))
    assert done.returncode == 0, done.stderr
    return Overlay([each for each in yaml.safe_load_all(done.stdout) if each])


def run_tool(
    name: str, *arguments: str, environ: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program from the virtual environment of this Python."""
    program = str(Path(sys.executable).with_name(name))
    return subprocess.run(
        [program, *arguments], env=environ, capture_output=True, text=True, check=False, timeout=30
    )


def memory_limit(service: str) -> int:
    """Return a service's memory limit in the production manifests, in MiB."""
    text = dict(built("production").services())[service].containers[0]["resources"]["limits"]["memory"]
    return int(text[:-2]) * UNITS[text[-2:]]
