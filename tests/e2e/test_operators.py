"""Operators' commands against a running installation, and their output."""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio

from letterhead.identity.v1.domains_pb2 import CreateDomainRequest
from letterhead.sender.v1.emails_pb2 import Address, Email, GetEmailRequest, SendEmailRequest
from tests.e2e.conftest import World
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

COMMAND_TIMEOUT = 60  # seconds


@dataclass(frozen=True)
class Operator:
    """An operator with a terminal on the installation's machine."""

    world: World
    directory: Path
    domain: str

    async def runs(self, *arguments: str, **settings: str) -> tuple[int, str]:
        """Run `letterhead` with these arguments and LETTERHEAD_* settings; return exit code and output."""
        process = await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("letterhead"),
            *arguments,
            cwd=self.directory,
            env={f"LETTERHEAD_{name.upper()}": value for name, value in settings.items()},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await asyncio.wait_for(process.communicate(), COMMAND_TIMEOUT)
        return process.returncode or 0, output.decode()

    def key(self, token: str) -> dict[str, str]:
        """Return the settings with which a command calls with this key."""
        path = self.directory / f"key-{token[-6:]}"
        path.write_text(token)
        return {"api_key_file": str(path)}

    async def an_email(self, send_in: timedelta | None = None) -> str:
        """Send an email; return its id."""
        request = SendEmailRequest(to=[Address(address="ada@example.com")], subject="Hello", text="Hi.")
        getattr(request, "from").address = f"agent@{self.domain}"
        if send_in is not None:
            request.send_time.FromDatetime(datetime.now(UTC) + send_in)
        email: Email = (await self.world.services.sender.SendEmail(request)).email
        return email.id

    async def becomes(self, email_id: str, state: "Email.State.ValueType") -> None:
        """Wait until an email is in a state."""

        async def now() -> bool:
            request = GetEmailRequest(email_id=email_id)
            email: Email = (await self.world.services.sender.GetEmail(request)).email
            return email.state == state

        await eventually(now, timedelta(seconds=20))

    async def an_unknown_email(self) -> str:
        """Send an email that SES fails without accepting it; return its id once it is UNKNOWN."""
        fault = {"operation": "SendEmail", "kind": "error_500", "count": 1}
        await self.world.sandbox.call("POST", "/ses/faults", fault)
        email_id = await self.an_email()
        await self.becomes(email_id, Email.STATE_UNKNOWN)
        return email_id


@pytest_asyncio.fixture(loop_scope="session")
async def operator(world: World, home: Path, tmp_path: Path) -> AsyncIterator[Operator]:
    (tmp_path / ".letterhead").symlink_to(home)
    name = f"inbox.d{uuid4().hex[:10]}.ai"
    await world.services.domains.CreateDomain(CreateDomainRequest(name=name))
    yield Operator(world, tmp_path, name)
    await world.sandbox.call("DELETE", "/ses/faults")


async def test_an_email_of_unknown_outcome_is_listed_and_resolved(operator: Operator) -> None:
    email_id = await operator.an_unknown_email()

    code, listed = await operator.runs("emails", "list", "--state", "unknown")
    assert (code, email_id in listed) == (0, True)
    _, by_tenant = await operator.runs(
        "emails", "list", "--state", "UNKNOWN", "--tenant", operator.world.installation.tenant
    )
    assert email_id in by_tenant
    _, of_all = await operator.runs("emails", "list", "--state", "UNKNOWN", "--all-tenants")
    assert re.search(rf"{email_id} +{operator.world.installation.tenant} +UNKNOWN", of_all)

    code, output = await operator.runs("emails", "resolve", email_id, "--why", "SES's insights have none")
    assert (code, output) == (2, "Give exactly one of --sent, --not-sent and --resend.\n")
    code, output = await operator.runs("emails", "resolve", email_id, "--not-sent", "--why", "no trace of it")
    assert code == 0
    assert re.search(rf"{email_id}: FAILED\. The operator with key \S+ decided .*no trace of it", output)

    code, output = await operator.runs("emails", "resolve", email_id, "--resend", "--why", "second thought")
    assert code == 1
    assert "FAILED_PRECONDITION: The email is FAILED and does not need an operator's decision" in output
    _, shown = await operator.runs("emails", "show", email_id)
    for what in ("QUEUED", "UNKNOWN", "FAILED", "ada@example.com", "no trace of it"):
        assert what in shown


async def test_a_resend_sends_the_email_again(operator: Operator) -> None:
    email_id = await operator.an_unknown_email()

    code, output = await operator.runs("emails", "resolve", email_id, "--resend", "--why", "it must arrive")

    assert (code, "QUEUED" in output) == (0, True)
    await operator.becomes(email_id, Email.STATE_SENT)


async def test_the_dmarc_policy_of_a_domain_is_shown_and_changed(operator: Operator) -> None:
    command = ("domains", "dmarc", operator.domain)
    record = f"Recommended: a TXT record at _dmarc.{operator.domain} with v=DMARC1; "

    code, shown = await operator.runs(*command)
    assert (code, f"{operator.domain}: DMARC policy none" in shown) == (0, True)
    assert f"{record}p=none;\n" in shown
    reports = ("--reports", "a@e2a.dev", "--reports", "b@e2a.dev")
    _, changed = await operator.runs(*command, "--policy", "quarantine", "--subdomains", "reject", *reports)
    assert f"{record}p=quarantine; sp=reject; rua=mailto:a@e2a.dev,mailto:b@e2a.dev;\n" in changed
    _, changed = await operator.runs(*command, "--testing", "--subdomains", "same")
    assert f"{record}p=quarantine; t=y; rua=mailto:a@e2a.dev,mailto:b@e2a.dev;\n" in changed
    _, changed = await operator.runs(*command, "--policy", "reject", "--no-testing", "--no-reports")
    assert f"{record}p=reject;\n" in changed

    code, output = await operator.runs(*command, "--reports", "e2a.dev")
    assert code != 0
    assert "domain.dmarc_policy.report_addresses[0]" in output


async def test_a_scheduled_email_is_canceled(operator: Operator) -> None:
    email_id = await operator.an_email(send_in=timedelta(days=1))

    for _ in range(2):  # canceling is idempotent
        assert await operator.runs("emails", "cancel", email_id) == (0, f"  ✓ {email_id}: CANCELED\n")

    sent = await operator.an_email()
    await operator.becomes(sent, Email.STATE_SENT)
    code, output = await operator.runs("emails", "cancel", sent)
    assert (code, "cannot be canceled" in output) == (1, True)


async def test_all_email_is_held_and_then_resolved(operator: Operator) -> None:
    since = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    email_id = await operator.an_email(send_in=timedelta(days=1))

    code, output = await operator.runs("emails", "hold-all", "--since", since, "--why", "restored")
    assert code == 0
    assert re.search(
        r"\b[1-9]\d* emails are held\. List them with `letterhead emails list --state HELD --all-tenants`",
        output,
    )
    _, again = await operator.runs("emails", "hold-all", "--since", since, "--why", "restored")
    assert "0 emails are held" in again

    _, shown = await operator.runs("emails", "show", email_id)
    assert "holds it until an operator decides; it may have been sent: restored" in shown
    code, output = await operator.runs("emails", "resolve", email_id, "--sent", "--why", "Ada has it")
    assert (code, "SENT" in output) == (0, True)


async def test_invalid_arguments_are_reported(operator: Operator) -> None:
    code, output = await operator.runs("emails", "show", str(uuid4()))
    assert (code, "NOT_FOUND: Email not found" in output) == (1, True)
    code, output = await operator.runs("emails", "list", "--state", "LOST")
    assert (code, "Use one of QUEUED, SENDING, SENT" in output) == (2, True)
    code, output = await operator.runs("tenants", "show", "Nobody")
    assert (code, "List all tenants with `letterhead tenants list`" in output) == (2, True)
    code, output = await operator.runs("tenants", "limit", "Mnexa")
    assert (code, "--no-rate" in output) == (2, True)


async def test_a_tenant_is_limited_paused_and_resumed(operator: Operator) -> None:
    name = f"Team {uuid4().hex[:8]}"
    assert (await operator.runs("tenants", "add", name))[0] == 0
    code, output = await operator.runs("tenants", "limit", name, "--rate", "2.5", "--daily", "1000")
    assert code == 0
    assert re.search(r"per second +2\.5", output)
    assert re.search(r"today \(UTC\) +1000 +0", output)
    _, output = await operator.runs("tenants", "limit", name, "--no-rate")
    assert re.search(r"per second +SES's rate", output)

    assert (await operator.runs("tenants", "pause", name, "--why", "too many bounces"))[0] == 0
    _, output = await operator.runs("tenants", "show", name)
    assert "PAUSED" in output
    assert "too many bounces" in output
    code, output = await operator.runs("tenants", "resume", name)
    assert (code, output) == (0, f"  ✓ {name} is resumed\n")
    _, listed = await operator.runs("tenants", "list")
    assert re.search(rf"{name} +ACTIVE", listed)


async def test_the_history_of_a_domain_is_shown(operator: Operator) -> None:
    async def shown() -> bool:
        code, output = await operator.runs("domains", "history", operator.domain)
        return code == 0 and "PENDING" in output

    await eventually(shown, timedelta(seconds=30))


async def test_the_first_key_of_a_tenant_is_printed_once_and_works(operator: Operator) -> None:
    name = f"Customer {uuid4().hex[:8]}"

    code, output = await operator.runs("tenants", "add", name)

    assert (code, "letterhead domains add inbox.example.com" in output) == (0, True)
    [token] = re.findall(r"API key: (lh_\S+)", output)
    code, output = await operator.runs(
        "domains", "add", f"inbox.d{uuid4().hex[:10]}.ai", **operator.key(token)
    )
    assert code == 0, output
    _, listed = await operator.runs("keys", "list", "--tenant", name)
    assert re.search(rf"first key +FULL_ACCESS +{token[-4:]} .*active", listed)
    assert token not in listed
    _, output = await operator.runs("tenants", "add", f"{name} without a key", "--no-key")
    assert "lh_" not in output


async def test_a_key_is_rotated_with_overlap(operator: Operator) -> None:
    name = f"Customer {uuid4().hex[:8]}"
    _, output = await operator.runs("tenants", "add", name)
    [old] = re.findall(r"lh_\w+", output)
    _, listed = await operator.runs("keys", "list", **operator.key(old))
    [key_id] = re.findall(r"^([0-9a-f-]{36}) +first key", listed, re.MULTILINE)

    code, output = await operator.runs("keys", "rotate", key_id, "--overlap", "2h", **operator.key(old))

    assert code == 0, output
    [new] = re.findall(r"lh_\w+", output)
    for token in (old, new):
        code, listed = await operator.runs("keys", "list", **operator.key(token))
        assert code == 0
    assert re.search(rf"{key_id} .*{old[-4:]} .*replaced by [0-9a-f-]{{36}}, ends \d{{4}}-", listed)
    code, output = await operator.runs("keys", "rotate", key_id, **operator.key(old))
    assert (code, "`letterhead keys rotate " in output) == (1, True)
    code, output = await operator.runs("keys", "rotate", key_id, "--overlap", "forever")
    assert (code, "'forever' is not a duration" in output) == (2, True)


async def test_the_ses_account_is_shown(operator: Operator) -> None:
    code, output = await operator.runs("account")

    assert code == 0
    assert re.search(r"us-east-1 +READY", output)


async def test_doctor_reports_a_running_installation_as_healthy(operator: Operator) -> None:
    code, output = await operator.runs("doctor")

    assert code == 0, output
    assert re.search(r"All \d+ checks passed\.$", output)
    for part in ("database", "rights", "nats", "sender", "console", "ses", "shared", "queue"):
        assert f"✓ {part} " in output


async def test_doctor_names_unreachable_and_faulty_parts(operator: Operator) -> None:
    code, output = await operator.runs(
        "doctor", "--json", sender_address="127.0.0.1:1", shared_domain="x.com"
    )

    statuses = {finding["part"]: finding["status"] for finding in json.loads(output)}
    assert code == 3
    assert {part for part, status in statuses.items() if status == "UNAVAILABLE"} == {"sender"}
    assert {part for part, status in statuses.items() if status == "WRONG"} == {"shared"}


async def test_a_given_api_key_replaces_the_stored_ones(operator: Operator) -> None:
    """With the installation's stored admin key, the command would succeed."""
    key = operator.directory / "key"
    key.write_text(operator.world.installation.api_key)

    code, output = await operator.runs("tenants", "list", api_key_file=str(key))

    assert (code, "PERMISSION_DENIED: This key has scope FULL_ACCESS" in output) == (1, True)
