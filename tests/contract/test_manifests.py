"""The manifests are consistent with each other and with the code, which a cluster checks only at run time."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from botocore import xform_name
from botocore.loaders import Loader

from chassis import config, migrate
from chassis.access import generate_key
from chassis.health import LIVENESS
from cli.aws.policies import role_policy
from cli.aws.target import Target
from scripts.document_settings import settings_of
from services import PROCESSES, Process, with_grpc
from tests.contract.manifests import OVERLAYS, Manifest, Overlay, Workload, built, memory_limit
from tests.contract.protos import full_names
from tests.contract.sources import ROOT

BOTO3_CONFIG = "AWS_CONFIG_FILE"  # read by boto3, for the credentials of a second account
PROCESS, ARRIVING = 128, 96  # MiB: of a process without large bodies, and of bodies between two checks
SENDER = next(process for process in PROCESSES if process.name == "sender")

every_process = pytest.mark.parametrize("process", PROCESSES, ids=lambda process: process.name)
every_service = pytest.mark.parametrize("process", with_grpc(), ids=lambda process: process.name)


@pytest.fixture(params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> Overlay:
    return built(request.param)


def test_workloads_select_their_own_pods(overlay: Overlay) -> None:
    for workload in overlay.workloads:
        if selector := workload.manifest["spec"].get("selector"):
            assert [each.name for each in overlay.selected(selector)] == [workload.name]


def test_each_service_selects_a_port_of_one_workload(overlay: Overlay) -> None:
    """Services are headless, so the port that a client dials must be that of the container."""
    for service in overlay.kind("Service"):
        (workload,) = overlay.selected(service["spec"]["selector"])
        for port in service["spec"]["ports"]:
            assert workload.ports()[port["targetPort"]] == port["port"]


@pytest.mark.parametrize("kind", ["PodDisruptionBudget", "NetworkPolicy"])
def test_a_policy_selects_a_workload(overlay: Overlay, kind: str) -> None:
    for policy in overlay.kind(kind):
        selector = policy["spec"].get("selector") or policy["spec"]["podSelector"]
        assert overlay.selected(selector), policy["metadata"]["name"]


def test_autoscalers_scale_a_deployment(overlay: Overlay) -> None:
    names = {each["metadata"]["name"] for each in overlay.kind("Deployment")}
    targets = {each["spec"]["scaleTargetRef"]["name"] for each in overlay.kind("HorizontalPodAutoscaler")}

    assert targets <= names


def ways(policy: Manifest) -> Iterator[tuple[list[Manifest], list[Manifest], bool]]:
    """Yield the peers and ports of each rule of a policy, and whether it is an ingress rule."""
    for rule in policy["spec"].get("ingress", []):
        yield rule.get("from", []), rule.get("ports", []), True
    for rule in policy["spec"].get("egress", []):
        yield rule.get("to", []), rule.get("ports", []), False


def test_network_policies_name_pods_and_ports_that_exist(overlay: Overlay) -> None:
    for policy in overlay.kind("NetworkPolicy"):
        own = overlay.selected(policy["spec"]["podSelector"])
        for peers, ports, inward in ways(policy):
            name = policy["metadata"]["name"]
            near = [peer["podSelector"] for peer in peers if set(peer) == {"podSelector"}]
            far = [pod for selector in near for pod in overlay.selected(selector)]
            named = {port["port"] for port in ports if isinstance(port["port"], str)}
            assert all(overlay.selected(selector) for selector in near), name
            assert all(named <= set(pod.ports()) for pod in (own if inward else far)), policy["metadata"][
                "name"
            ]


@every_service
def test_probes_check_registered_health_services(overlay: Overlay, process: Process) -> None:
    workload = dict(overlay.services())[process.name]
    (container,) = workload.containers
    registered = {"", LIVENESS, *full_names(process.name)}

    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        check = container[probe]["grpc"]
        assert check["port"] == workload.ports()["health"]
        assert check.get("service", "") in registered
    assert container["livenessProbe"]["grpc"]["service"] == LIVENESS


def test_the_console_is_probed_by_http(overlay: Overlay) -> None:
    (container,) = dict(overlay.services())["console"].containers

    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"] == {"path": "/healthz", "port": "http"}


@every_process
def test_settings_in_manifests_are_valid_for_the_service(
    overlay: Overlay, process: Process, tmp_path: Path
) -> None:
    workload = dict(overlay.services())[process.name]
    environment = overlay.environment(workload)
    known = {each.variable for each in config.describe(settings_of(process))}

    assert set(environment) <= known | {BOTO3_CONFIG}
    settings = config.load(settings_of(process), with_secrets(environment, workload, tmp_path))
    common = settings.server if process.grpc_port else settings.process
    ports = {"metrics": common.metrics_port}
    if process.grpc_port:
        ports |= {"grpc": common.grpc_port, "health": common.health_port}
    if process.http_port:
        ports["http"] = settings.console_port
    assert ports == process.ports
    assert ports.items() <= workload.ports().items()
    assert grace(workload) > preparation(workload) + 2 * common.drain.total_seconds()


@every_process
def test_grpc_uses_tls_in_production_and_plaintext_only_if_set_explicitly(process: Process) -> None:
    files = {f"LETTERHEAD_GRPC_{name}_FILE" for name in ("CERTIFICATE", "KEY", "CA")}
    production, dev = built("production"), built("dev")
    secure = production.environment(dict(production.services())[process.name])
    plain = dev.environment(dict(dev.services())[process.name])

    assert {str(Path(secure[name]).parent) for name in files} == {"/tls"}
    assert "LETTERHEAD_GRPC_PLAINTEXT" not in secure
    assert plain["LETTERHEAD_GRPC_PLAINTEXT"] == "true"
    assert not files & set(plain)
    assert not any(
        "appProtocol" in port for each in production.kind("Service") for port in each["spec"]["ports"]
    )


def test_a_service_without_tls_and_without_the_plaintext_setting_does_not_start(tmp_path: Path) -> None:
    overlay = built("dev")
    workload = dict(overlay.services())["sender"]
    environment = with_secrets(overlay.environment(workload), workload, tmp_path)
    del environment["LETTERHEAD_GRPC_PLAINTEXT"]

    with pytest.raises(config.ConfigError) as refused:
        config.load(settings_of(SENDER), environment)

    [problem] = refused.value.problems
    assert problem == (
        "gRPC has no TLS: set LETTERHEAD_GRPC_CERTIFICATE_FILE and LETTERHEAD_GRPC_KEY_FILE and"
        " LETTERHEAD_GRPC_CA_FILE to PEM files, or LETTERHEAD_GRPC_PLAINTEXT=true to run without encryption"
    )


def test_certificates_are_for_servers_and_clients_and_only_those_of_nats_are_signed_by_its_ca() -> None:
    """The holder of a certificate that the NATS servers accept can join the cluster and publish anything."""
    manifests = yaml.safe_load_all((ROOT / "deploy/components/cert-manager/certificates.yaml").read_text())
    specs = [
        each["spec"] for each in manifests if each["kind"] == "Certificate" and not each["spec"].get("isCA")
    ]

    for spec in specs:
        assert spec["commonName"] in spec["dnsNames"]
        assert spec["usages"] == ["server auth", "client auth"]
        of_nats = spec["secretName"] == "letterhead-nats-tls"
        assert (spec["issuerRef"]["name"] == "letterhead-nats-ca") == of_nats


def test_the_migration_has_its_settings_and_the_release_in_its_name(overlay: Overlay, tmp_path: Path) -> None:
    (workload,) = [each for each in overlay.workloads if each.manifest["kind"] == "Job"]
    environment = overlay.environment(workload)

    config.load(migrate.Config, with_secrets(environment, workload, tmp_path))

    image = workload.containers[0]["image"]
    assert workload.name == f"migrate-{image.rpartition(':')[2]}"


def test_the_migration_label_selects_all_that_the_migration_needs(overlay: Overlay) -> None:
    """deploy/README.md applies the objects with this label before all others."""
    (workload,) = [each for each in overlay.workloads if each.manifest["kind"] == "Job"]
    first = {
        (each["kind"], each["metadata"]["name"])
        for each in overlay.manifests
        if each["metadata"].get("labels", {}).get("app.kubernetes.io/name") == "migrate"
    }

    assert first == {("Job", workload.name), ("ServiceAccount", workload.pod["serviceAccountName"])}


def with_secrets(environment: dict[str, str], workload: Workload, directory: Path) -> dict[str, str]:
    """Return the environment with secrets in existing files; each must be in a mounted Secret."""
    found = dict(environment)
    for variable, value in environment.items():
        if variable.endswith(config.SECRET_SUFFIX) and variable != BOTO3_CONFIG:
            path = Path(value)
            assert str(path.parent) in workload.mounted_secrets(), f"{variable} is not in a mounted Secret"
            found[variable] = str(directory / path.name)
            (directory / path.name).write_text(generate_key()[0])
    return found


def grace(workload: Workload) -> float:
    seconds: float = workload.pod["terminationGracePeriodSeconds"]
    return seconds


def preparation(workload: Workload) -> float:
    """Return the seconds that preStop takes from the grace period."""
    return float(workload.containers[0]["lifecycle"]["preStop"]["exec"]["command"][1])


def test_addresses_of_services_and_nats_in_settings_exist(overlay: Overlay) -> None:
    listening = {
        f"{service['metadata']['name']}:{port['port']}"
        for service in overlay.kind("Service")
        for port in service["spec"]["ports"]
    }

    for _, workload in overlay.services():
        environment = overlay.environment(workload)
        peers = {value for name, value in environment.items() if name.endswith("_ADDRESS")}
        stores = {url.partition("://")[2] for name, url in environment.items() if name.endswith("NATS_URL")}
        assert peers | stores <= listening


def test_manifests_do_not_contain_secrets(overlay: Overlay) -> None:
    assert overlay.kind("Secret") == []
    for workload in overlay.workloads:
        for container in workload.containers:
            for variable in container.get("env", []):
                assert not re.search(r"password|secret|token|credential", variable["name"], re.IGNORECASE)


def test_images_have_a_tag_or_digest(overlay: Overlay) -> None:
    for workload in overlay.workloads:
        for container in workload.containers:
            assert re.fullmatch(r"\S+(:(?!latest$)[\w.-]+|@sha256:[0-9a-f]{64})", container["image"])


def test_pods_are_restricted_and_have_limits(overlay: Overlay) -> None:
    """Check the restricted Pod Security Standard, read-only root, no token, and resource limits."""
    for workload in overlay.workloads:
        pod = workload.pod
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not pod["automountServiceAccountToken"]
        for container in workload.containers:
            security = container["securityContext"]
            assert not security["allowPrivilegeEscalation"]
            assert security["readOnlyRootFilesystem"]
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert set(container["resources"]["requests"]) == {"cpu", "memory"}
            assert "memory" in container["resources"]["limits"]


@every_process
def test_the_memory_limit_of_a_process_suffices_for_large_bodies(process: Process) -> None:
    """Add up the process, its memory for large bodies, and what arrives between two checks."""
    settings = {each.variable: each.default for each in config.describe(settings_of(process))}

    needed = PROCESS + settings["LETTERHEAD_BODY_MEMORY"] // config.MEBIBYTE + ARRIVING
    assert memory_limit(process.name) >= needed


def test_service_accounts_exist() -> None:
    production = built("production")
    accounts = {each["metadata"]["name"] for each in production.kind("ServiceAccount")}

    assert {each.pod["serviceAccountName"] for each in production.workloads} <= accounts


# IAM actions that AWS checks in addition to, or instead of, the action with the name of the call.
ALSO = {
    "CreateEmailIdentity": {"TagResource"},
    "SendEmail": {"SendRawEmail"},
    "DeleteMessageBatch": {"DeleteMessage"},
}
CHECKED_AS_ANOTHER = {"DeleteMessageBatch"}
# What gives webhooks all the rights that it can have.
EVERY_WAY = Target(
    partition="aws",
    account="123456789012",
    region="us-east-1",
    event_rule=True,
    https_url="https://letterhead.example.com/sns",
)


@pytest.mark.parametrize(
    ("edge", "aws", "prefix", "role"),
    [
        ("identity/ses.py", "sesv2", "ses", "identity"),
        ("verifier/ses.py", "sesv2", "ses", "verifier"),
        ("sender/ses.py", "sesv2", "ses", "sender"),
        ("webhooks/intake/queue.py", "sqs", "sqs", "webhooks"),
        ("webhooks/intake/endpoint.py", "sns", "sns", "webhooks"),
    ],
)
def test_an_aws_role_allows_exactly_the_calls_of_its_service(
    edge: str, aws: str, prefix: str, role: str
) -> None:
    statements = role_policy(EVERY_WAY, role)["Statement"]
    allowed = {each for statement in statements for each in statement["Action"]}

    called = operations_called(ROOT / "services" / edge, aws)
    needed = (called - CHECKED_AS_ANOTHER).union(*(ALSO.get(each, set()) for each in called))

    of_service = {each for each in allowed if each.startswith(f"{prefix}:")}
    assert of_service == {f"{prefix}:{each}" for each in needed}


def operations_called(path: Path, aws: str) -> set[str]:
    """Return the operations of an AWS service whose boto3 names occur in a file."""
    operations = Loader().load_service_model(aws, "service-2")["operations"]
    words = set(re.findall(r"[a-z_]+", path.read_text(encoding="utf-8")))
    return {name for name in operations if xform_name(name) in words}
