"""Checks the services: that each is serving, that SES accepts email, and that the shared domain is ready."""

from collections.abc import AsyncIterator, Sequence

import aiohttp
import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from chassis import channels
from cli.client import Services, connect, explain
from cli.doctor.findings import Finding, reason, unavailable, unseen, well, wrong
from cli.installation import Installation
from letterhead.identity.v1.domains_pb2 import Domain, ListDomainsRequest
from letterhead.identity.v1.tenants_pb2 import ListTenantsRequest
from letterhead.verifier.v1.verifier_pb2 import GetSesAccountRequest, SesAccount

ANSWER_SECONDS = 5
NEARLY_USED = 0.8
RUNBOOK = "See docs/runbooks/service-is-down.md."
SERVING = health_pb2.HealthCheckResponse.SERVING
UNAVAILABLE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


async def check_service(name: str, installation: Installation) -> list[Finding]:
    """Check each process of a service by its gRPC health check."""
    addresses: str = getattr(installation, name)
    return [await _health(name, address, installation) for address in addresses.split(",")]


async def _health(name: str, address: str, installation: Installation) -> Finding:
    metadata = (("authorization", f"Bearer {installation.admin_key}"),)
    request = health_pb2.HealthCheckRequest()
    async with channels.opened(address, installation.tls) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        try:
            answer = await stub.Check(request, timeout=ANSWER_SECONDS, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            if error.code() == grpc.StatusCode.UNAUTHENTICATED:
                note = f"{address} rejects the key: {error.details()}"
                return wrong(name, note, "Set LETTERHEAD_API_KEY_FILE to a file with an admin key.")
            hangs = error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
            what = f"accepts connections but answers nothing within {ANSWER_SECONDS} s: it hangs"
            note = f"{name} at {address} {what if hangs else f'does not answer: {error.details()}'}"
            return unavailable(name, note, f"Check that it runs and the network path to it. {RUNBOOK}")
    if answer.status != SERVING:
        note = f"{name} at {address} is running but not serving because a dependency is down"
        return wrong(name, note, f"Find out which: `action` `health_changed` in its log. {RUNBOOK}")
    return well(name, f"{address} is serving")


async def check_console(url: str) -> list[Finding]:
    """Check that console answers."""
    if not url:
        return [unseen("console", "no URL is set", "Set LETTERHEAD_PUBLIC_URL.")]
    try:
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(f"{url}/healthz") as answer:
            if answer.ok:
                return [well("console", f"{url} is serving")]
            note = f"console at {url} answers {answer.status}"
            return [wrong("console", note, f"Check its log and the ingress's. {RUNBOOK}")]
    except (aiohttp.ClientError, TimeoutError) as error:
        note = f"console at {url} does not answer: {reason(error)}"
        remedy = f"Check that it runs, and the ingress, TLS and DNS. {RUNBOOK}"
        return [unavailable("console", note, remedy)]


async def check_by_calling(installation: Installation, shared_domains: Sequence[str]) -> list[Finding]:
    """Check the SES accounts, and the shared domain of each region, by calling the services."""
    async with connect(installation, installation.admin_key) as services:
        return [
            *[finding async for finding in _or_failure("ses", _accounts(services))],
            *[
                finding
                for name in shared_domains
                async for finding in _or_failure("shared", _shared(services, name))
            ],
        ]


async def _or_failure(part: str, findings: AsyncIterator[Finding]) -> AsyncIterator[Finding]:
    """Yield the findings, or the finding that the call failed."""
    try:
        async for finding in findings:
            yield finding
    except grpc.aio.AioRpcError as error:
        if error.code() in UNAVAILABLE:
            yield unavailable(
                part, f"the service to ask does not answer: {error.details()}", "Fix that service first."
            )
        elif error.code() == grpc.StatusCode.PERMISSION_DENIED:
            yield unseen(
                part,
                "the key is not an admin key",
                "Set LETTERHEAD_API_KEY_FILE to a file with an admin key.",
            )
        else:
            yield wrong(part, " ".join(explain(error)), RUNBOOK)


async def _accounts(services: Services) -> AsyncIterator[Finding]:
    accounts = (
        await services.verifier.GetSesAccount(GetSesAccountRequest(), timeout=ANSWER_SECONDS)
    ).accounts
    if not accounts:
        yield wrong(
            "ses",
            "verifier has not queried SES yet",
            "Run doctor again in a minute, then check verifier's log.",
        )
    for account in accounts:
        yield _account(account)


def _account(account: SesAccount) -> Finding:
    state = SesAccount.State.Name(account.state).removeprefix("STATE_")
    most, sent = account.max_24_hour_send, account.sent_last_24_hours
    where = f"{account.account} in {account.region}"
    if account.state != SesAccount.STATE_READY:
        return wrong(
            "ses", f"{where} is {state}: {account.state_message}", "See docs/runbooks/ses-account.md."
        )
    if 0 < most * NEARLY_USED < sent:
        note = f"{where}: {sent:g} of {most:g} recipients of the 24-hour quota are used"
        return wrong("ses", note, "See docs/runbooks/ses-account.md.")
    quota = f"{sent:g} of {most:g}" if most > 0 else f"{sent:g}, without a quota,"
    return well(
        "ses", f"{where} can send {account.max_send_rate:g} per second; {quota} sent in the last 24 hours"
    )


async def _shared(services: Services, name: str) -> AsyncIterator[Finding]:
    """Check the operator's own domains; a setting of sender chooses the shared one."""
    await services.tenants.ListTenants(ListTenantsRequest(page_size=1), timeout=ANSWER_SECONDS)
    answer = await services.domains.ListDomains(ListDomainsRequest(search=name), timeout=ANSWER_SECONDS)
    found = [domain for domain in answer.domains if name in ("", domain.name)]
    ready = [domain for domain in found if domain.state == Domain.STATE_READY]
    if ready:
        yield well("shared", f"{ready[0].display_name} is READY and can be the shared domain")
    elif found:
        state = Domain.State.Name(found[0].state).removeprefix("STATE_")
        note = f"{found[0].display_name} is {state}: {found[0].state_message}"
        yield wrong("shared", note, "Show its records: `letterhead domains show`, with the admin key.")
    elif name:
        remedy = "Add it with the admin key: `letterhead domains add`."
        yield wrong("shared", f"the operator has no domain {name}", remedy)
    else:
        remedy = "Without one, email of domains that are not ready is not sent, and neither are heartbeats."
        yield unseen("shared", "the operator has no domain", remedy)
