"""doctor in the image, with the environment and the files that the manifests give it, checks everything."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chassis.config import SECRET_SUFFIX
from cli.environments import ACCOUNT, REGION, SHARED_DOMAIN, access_key, address_variable
from services import with_grpc
from tests.contract.manifests import Workload, built
from tests.e2e.conftest import World
from tests.image import Image, an_image
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(240)]

Finding = dict[str, Any]


def workload_of(name: str) -> Workload:
    [found] = [each for each in built("dev").workloads if each.name == name]
    return found


def environment(workload: Workload, world: World, folder: Path) -> dict[str, str]:
    """Return the environment of a workload, with the secrets in files and the addresses of this machine."""
    values = built("dev").environment(workload)
    stack, installation = world.stack, world.installation
    role = "postgres" if workload.mounted_files() else f"letterhead_{workload.name}"
    secrets = {
        "database-url": stack.postgres.url(role, "letterhead"),
        "admin-key": installation.admin_key,
        "nats-seed": stack.nats.seeds["identity"],
    }
    mounted = {Path(path).name for path in workload.mounted_files()} or set(secrets)
    for name in mounted:
        (folder / name).write_text(secrets[name])
    moved = {
        name: str(folder / Path(value).name)
        for name, value in values.items()
        if name.endswith(SECRET_SUFFIX) and Path(value).name in mounted
    }
    here = {address_variable(each.name): getattr(installation, each.name) for each in with_grpc()} | {
        "LETTERHEAD_NATS_URL": installation.nats_url,
        "LETTERHEAD_NATS_MONITOR_URL": "",
        "LETTERHEAD_PUBLIC_URL": installation.console,
        "LETTERHEAD_AWS_ACCOUNT": ACCOUNT,
        "LETTERHEAD_AWS_REGION": REGION,
        "LETTERHEAD_AWS_ENDPOINT_URL": installation.ses,
        "LETTERHEAD_SHARED_DOMAIN": SHARED_DOMAIN,
        # As a role of the service account would give.
        "AWS_ACCESS_KEY_ID": access_key("doctor"),
        "AWS_SECRET_ACCESS_KEY": "sandbox",
    }
    return values | moved | here


async def findings(image: Image, **environ: str) -> tuple[int, list[Finding]]:
    code, output = await image.letterhead("doctor", "--json", **environ)
    found: list[Finding] = json.loads(output)
    return code, found


async def test_the_job_checks_everything(world: World, tmp_path: Path) -> None:
    (tmp_path / "image").mkdir()
    job = workload_of("doctor")
    assert job.containers[0]["command"] == ["letterhead", "doctor"]
    environ, image = environment(job, world, tmp_path), an_image(tmp_path / "image")

    async def healthy() -> bool:
        """Return whether all is well: a heartbeat takes a few seconds, and so do the first reports."""
        code, found = await findings(image, **environ)
        assert {each["status"] for each in found} <= {"WELL", "UNSEEN"}, found
        return code == 0

    assert await eventually(healthy, timedelta(minutes=2))


async def test_without_credentials_for_aws_it_says_so_and_fails(world: World, tmp_path: Path) -> None:
    (tmp_path / "image").mkdir()
    environ = environment(workload_of("doctor"), world, tmp_path)
    del environ["AWS_ACCESS_KEY_ID"], environ["AWS_SECRET_ACCESS_KEY"]

    code, found = await findings(an_image(tmp_path / "image"), **environ, AWS_EC2_METADATA_DISABLED="true")

    [aws] = [each for each in found if each["part"] == "aws"]
    assert code == 4
    assert (aws["status"], "No AWS credentials found" in aws["note"]) == ("UNSEEN", True)


async def test_in_the_container_of_identity_it_checks_what_identity_can_reach(
    world: World, tmp_path: Path
) -> None:
    (tmp_path / "image").mkdir()
    environ = environment(workload_of("identity"), world, tmp_path)

    code, found = await findings(an_image(tmp_path / "image"), **environ)

    assert code == 4
    healthy = {each["part"] for each in found if each["status"] == "WELL"}
    assert {"database", "clock", "nats", "stream", "identity", "sender", "shared", "ses"} <= healthy
    unseen = [each for each in found if each["status"] == "UNSEEN"]
    assert {each["status"] for each in found} == {"WELL", "UNSEEN"}
    assert all(each["remedy"] for each in unseen)


async def test_other_commands_need_no_settings_there(world: World, tmp_path: Path) -> None:
    (tmp_path / "image").mkdir()
    environ = environment(workload_of("identity"), world, tmp_path)

    code, output = await an_image(tmp_path / "image").letterhead("tenants", "list", **environ)

    assert code == 0, output
    assert "Mnexa" in output
