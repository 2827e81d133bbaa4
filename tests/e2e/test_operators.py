"""What operators type at a running installation: each command says what is so, or did, or is to do."""

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

SAID_WITHIN = 60  # seconds


@dataclass(frozen=True)
class Operator:
    """Somebody at a terminal beside the installation."""

    world: World
    desk: Path
    domain: str

    async def types(self, *words: str, **settings: str) -> tuple[int, str]:
        """Runs `letterhead` with these words and LETTERHEAD_*; gives its code and all that it said."""
        process = await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("letterhead"),
            *words,
            cwd=self.desk,
            env={f"LETTERHEAD_{name.upper()}": value for name, value in settings.items()},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await asyncio.wait_for(process.communicate(), SAID_WITHIN)
        return process.returncode or 0, said.decode()

    async def an_email(self, send_in: timedelta | None = None) -> str:
        """An accepted email; gives its id."""
        request = SendEmailRequest(to=[Address(address="ada@example.com")], subject="Hello", text="Hi.")
        getattr(request, "from").address = f"agent@{self.domain}"
        if send_in is not None:
            request.send_time.FromDatetime(datetime.now(UTC) + send_in)
        email: Email = (await self.world.services.sender.SendEmail(request)).email
        return email.id

    async def becomes(self, email_id: str, state: "Email.State.ValueType") -> None:
        """Waits until an email is in a state."""

        async def now() -> bool:
            request = GetEmailRequest(email_id=email_id)
            email: Email = (await self.world.services.sender.GetEmail(request)).email
            return email.state == state

        await eventually(now, timedelta(seconds=20))

    async def an_unknown_email(self) -> str:
        """One of which SES never said whether it took it, and did not."""
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


async def test_an_email_of_unknown_outcome_is_found_and_settled(operator: Operator) -> None:
    email_id = await operator.an_unknown_email()

    code, listed = await operator.types("emails", "list", "--state", "unknown")
    assert (code, email_id in listed) == (0, True)
    _, by_tenant = await operator.types(
        "emails", "list", "--state", "UNKNOWN", "--tenant", operator.world.installation.tenant
    )
    assert email_id in by_tenant
    _, of_all = await operator.types("emails", "list", "--state", "UNKNOWN", "--all-tenants")
    assert re.search(rf"{email_id} +{operator.world.installation.tenant} +UNKNOWN", of_all)

    code, said = await operator.types("emails", "settle", email_id, "--why", "SES's insights have none")
    assert (code, said) == (2, "Give one of --sent, --not-sent and --resend.\n")
    code, said = await operator.types("emails", "settle", email_id, "--not-sent", "--why", "no trace of it")
    assert code == 0
    assert re.search(rf"{email_id}: FAILED\. The operator with key \S+ decided .*no trace of it", said)

    code, said = await operator.types("emails", "settle", email_id, "--resend", "--why", "on second thought")
    assert code == 1
    assert "FAILED_PRECONDITION: the email is FAILED and does not need an operator's decision" in said
    _, shown = await operator.types("emails", "show", email_id)
    for what in ("QUEUED", "UNKNOWN", "FAILED", "ada@example.com", "no trace of it"):
        assert what in shown


async def test_a_resend_leaves_once_more(operator: Operator) -> None:
    email_id = await operator.an_unknown_email()

    code, said = await operator.types("emails", "settle", email_id, "--resend", "--why", "it must arrive")

    assert (code, "QUEUED" in said) == (0, True)
    await operator.becomes(email_id, Email.STATE_SENT)


async def test_an_email_that_waits_is_called_back(operator: Operator) -> None:
    email_id = await operator.an_email(send_in=timedelta(days=1))

    for _ in range(2):  # as often as one likes
        assert await operator.types("emails", "cancel", email_id) == (0, f"  ✓ {email_id}: CANCELED\n")

    sent = await operator.an_email()
    await operator.becomes(sent, Email.STATE_SENT)
    code, said = await operator.types("emails", "cancel", sent)
    assert (code, "cannot be canceled" in said) == (1, True)


async def test_everything_is_held_and_then_decided_over(operator: Operator) -> None:
    since = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    email_id = await operator.an_email(send_in=timedelta(days=1))

    code, said = await operator.types("emails", "hold-all", "--since", since, "--why", "restored")
    assert code == 0
    assert re.search(
        r"\b[1-9]\d* emails are held; `letterhead emails list --state HELD --all-tenants` shows", said
    )
    _, again = await operator.types("emails", "hold-all", "--since", since, "--why", "restored")
    assert "0 emails are held" in again

    _, shown = await operator.types("emails", "show", email_id)
    assert "holds it until an operator decides; it may have been sent: restored" in shown
    code, said = await operator.types("emails", "settle", email_id, "--sent", "--why", "Ada has it")
    assert (code, "SENT" in said) == (0, True)


async def test_what_is_mistyped_is_told(operator: Operator) -> None:
    code, said = await operator.types("emails", "show", str(uuid4()))
    assert (code, "NOT_FOUND: no such email" in said) == (1, True)
    code, said = await operator.types("emails", "list", "--state", "LOST")
    assert (code, "there are QUEUED, CLAIMED, SENT" in said) == (2, True)
    code, said = await operator.types("tenants", "show", "Nobody")
    assert (code, "`letterhead tenants list` shows those there are" in said) == (2, True)
    code, said = await operator.types("tenants", "limit", "Mnexa")
    assert (code, "--no-rate" in said) == (2, True)


async def test_a_tenant_is_limited_paused_and_resumed(operator: Operator) -> None:
    name = f"Team {uuid4().hex[:8]}"
    assert (await operator.types("tenants", "add", name))[0] == 0
    code, said = await operator.types("tenants", "limit", name, "--rate", "2.5", "--daily", "1000")
    assert code == 0
    assert re.search(r"a second +2\.5", said)
    assert re.search(r"today \(UTC\) +1000 +0", said)
    _, said = await operator.types("tenants", "limit", name, "--no-rate")
    assert re.search(r"a second +as SES takes them", said)

    assert (await operator.types("tenants", "pause", name, "--why", "too many bounces"))[0] == 0
    _, said = await operator.types("tenants", "show", name)
    assert "PAUSED" in said
    assert "too many bounces" in said
    code, said = await operator.types("tenants", "resume", name)
    assert (code, said) == (0, f"  ✓ {name} sends again\n")
    _, listed = await operator.types("tenants", "list")
    assert re.search(rf"{name} +ACTIVE", listed)


async def test_the_account_is_told(operator: Operator) -> None:
    code, said = await operator.types("account")

    assert code == 0
    assert re.search(r"us-east-1 +READY", said)


async def test_the_doctor_finds_a_running_installation_well(operator: Operator) -> None:
    code, said = await operator.types("doctor")

    assert code == 0, said
    assert re.search(r"All \d+ parts that were looked at are well\.$", said)
    for part in ("database", "rights", "nats", "sender", "console", "ses", "shared", "queue"):
        assert f"✓ {part} " in said


async def test_the_doctor_names_what_is_away_or_wrong(operator: Operator) -> None:
    code, said = await operator.types("doctor", "--json", sender_address="127.0.0.1:1", shared_domain="x.com")

    verdicts = {finding["part"]: finding["verdict"] for finding in json.loads(said)}
    assert code == 3
    assert {part for part, verdict in verdicts.items() if verdict == "AWAY"} == {"sender"}
    assert {part for part, verdict in verdicts.items() if verdict == "WRONG"} == {"shared"}


async def test_a_key_of_ones_own_is_the_only_one_used(operator: Operator) -> None:
    """The installation's admin key would have let this through."""
    key = operator.desk / "key"
    key.write_text(operator.world.installation.api_key)

    code, said = await operator.types("tenants", "list", api_key_file=str(key))

    assert (code, "PERMISSION_DENIED: this key has scope FULL_ACCESS" in said) == (1, True)
