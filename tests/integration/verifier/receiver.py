"""The receiver's side of a situation: SES checks the domain and sends emails, and a receiver evaluates them.

SES and the receiver are the sandbox's, which shares no code with the verifier.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

from botocore.exceptions import ClientError

from sandbox.aws.condition import Condition, Status
from sandbox.dns.internet import SENDING_NETWORK
from sandbox.mailbox.evaluate import Evaluation, Evaluator
from sandbox.mailbox.store import Email
from services.verifier.config import ResolverSettings
from services.verifier.model.evidence import SesIdentity
from services.verifier.model.records import Check
from services.verifier.resolver.resolver import Resolver
from services.verifier.worker.dns_checks import inspect
from tests.integration.sandbox_aws.world import World, open_world
from tests.integration.verifier.situations import Situation, publish_all
from tests.unit.verifier.cases import DOMAIN, SEND, TOKENS, shown_records
from tests.waiting import eventually

# A receiver sees any address of the network that SES sends from: its first and last, and one of each quarter.
CLIENTS = tuple(str(ip_network(SENDING_NETWORK)[at]) for at in (0, 64, 128, -1))
EXPECTED = [record.expected for record in shown_records()]


@dataclass(frozen=True)
class Shown:
    """What the receiver shows of an email, whichever of SES's addresses it came from.

    Where DNS contradicts itself, it holds for every order of the records.
    """

    mailed_by: bool  # the domain's own return path
    signed_by: bool  # the domain itself
    policy: bool  # it found the domain's DMARC policy


@dataclass(frozen=True)
class Observed:
    """A situation as the verifier, SES and the receiver see it.

    `sent` is the email as SES sends it after its own check of DNS, None if SES refuses it. `sent_before` is
    the email as SES sends it while it has not noticed the situation: only the receiver evaluates that one.
    """

    checks: list[Check]
    identity: SesIdentity
    sent: Shown | None
    sent_before: Shown


async def observed(situation: Situation, certificates: Path) -> Observed:
    """Apply a situation in a new world and return what everyone sees."""
    async with open_world(certificates, own_keys=False) as world, world.internet.listening():
        world.aws.registry.reserved_tokens[DOMAIN] = list(TOKENS)
        publish_all(world.internet)
        situation.change(world.internet)
        await world.create(DOMAIN)
        checks = await inspect(_resolver(world), EXPECTED)
        identity = await eventually(lambda: _checked_by_ses(world))
        sent = await _sent(world, "after@reader-of-letters.com")
        for condition in _conditions(world):
            condition.force(Status.SUCCESS, condition.since)
        sent_before = await _sent(world, "before@reader-of-letters.com")
    assert sent_before is not None
    return Observed(checks, identity, sent, sent_before)


def _resolver(world: World) -> Resolver:
    return Resolver(
        ResolverSettings(
            dns_roots=(world.internet.root,),
            dns_port=world.internet.port,
            dns_allowed_networks=("127.0.0.0/8",),
            dns_timeout=timedelta(seconds=0.2),
        )
    )


def _conditions(world: World) -> tuple[Condition, Condition]:
    identity = world.aws.registry.find(DOMAIN)
    assert identity is not None
    assert identity.mail_from_condition is not None
    return identity.dkim, identity.mail_from_condition


async def _checked_by_ses(world: World) -> SesIdentity | None:
    """Return the identity once SES has checked the DNS of DKIM and MAIL FROM."""
    if any(each.last_checked_at is None for each in _conditions(world)):
        return None
    answer = await world.identity(DOMAIN)
    return SesIdentity(
        verification_status=answer["VerificationStatus"],
        dkim_status=answer["DkimAttributes"]["Status"],
        mail_from_status=answer["MailFromAttributes"]["MailFromDomainStatus"],
        mail_from_domain=answer["MailFromAttributes"]["MailFromDomain"],
        verified_for_sending=answer["VerifiedForSendingStatus"],
        tokens=tuple(answer["DkimAttributes"]["Tokens"]),
    )


async def _sent(world: World, to: str) -> Shown | None:
    """Send an email through SES and return what its receiver shows; None if SES refuses to send it."""
    try:
        await world.send(f"agent@{DOMAIN}", to)
    except ClientError as error:
        if error.response["Error"]["Code"] != "MessageRejected":
            raise
        return None
    email = await world.arrived(to)
    seen = await _evaluations(world, email)
    _rotate(world)
    seen += await _evaluations(world, email)
    _rotate(world)
    return Shown(
        mailed_by=all(each.spf.result == "pass" and each.spf.domain == SEND for each in seen),
        signed_by=all(_signed(each) for each in seen),
        policy=all(each.dmarc.policy is not None for each in seen),
    )


async def _evaluations(world: World, email: Email) -> list[Evaluation]:
    """Return the receiver's results for an email as if it came from each of CLIENTS."""
    evaluator, envelope = Evaluator(world.internet), email.envelope
    return [
        await evaluator.evaluate(email.raw, replace(envelope, client=client), email.contents.from_addresses)
        for client in CLIENTS
    ]


def _rotate(world: World) -> None:
    """Serve contradictory records in the other order: servers rotate them, and resolvers take one of them."""
    for zone in world.internet.authority.zones.values():
        for tree in zone.at(None):
            for records in tree.raw.values():
                records.reverse()


def _signed(seen: Evaluation) -> bool:
    return any(each.result == "pass" and each.domain == DOMAIN for each in seen.dkim)
