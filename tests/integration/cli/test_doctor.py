"""`letterhead doctor` reports healthy parts, problems and how to fix them."""

import re
from contextlib import AsyncExitStack
from uuid import uuid4

import pytest
from aiohttp import web

from chassis import config
from chassis.database import open_database
from chassis.events.authorization import SUBSCRIBER
from cli.doctor.database import check_database
from cli.doctor.findings import Finding, PartStatus
from cli.doctor.nats import check_nats, check_storage
from cli.doctor.services import check_console, check_service
from cli.events import Tail
from cli.exit_status import EventsUnavailable
from cli.installation import Installation
from cli.server_process import HOST, free_port
from services import PROCESSES, with_grpc
from tests.factories import a_ready_domain, a_tenant
from tests.integration.cli.findings import of
from tests.integration.cli.reports import a_report
from tests.stores import FreshDatabase
from tests.streams import OPERATOR, FreshStream, connected


async def found_of(database: FreshDatabase, part: str, role: str = "postgres") -> Finding:
    """Check a database; return the finding about one part of it."""
    return of(await check_database(database.url(role)), part)


async def test_a_database_in_use_is_healthy(database: FreshDatabase) -> None:
    await database.execute("INSERT INTO webhooks.intake (queue, polled_at) VALUES ('feedback', now())")
    for process in PROCESSES:
        if process.schema:
            await a_report(database, process.name)

    findings = await check_database(database.url("postgres"))

    assert [finding.part for finding in findings] == [
        "database", "clock", "schema", "connections", "rights", "process", "outbox", "dead_letters",
        "identities", "feedback", "event path",
    ]  # fmt: skip
    *others, event_path = findings
    assert {finding.status for finding in others} == {PartStatus.WELL}
    assert event_path.status is PartStatus.UNSEEN  # no heartbeat was sent


async def test_a_missing_database_url_is_reported() -> None:
    [finding] = await check_database(None)

    assert (finding.status, "LETTERHEAD_DATABASE_URL_FILE" in finding.remedy) == (PartStatus.UNSEEN, True)


async def test_an_unreachable_database_and_a_rejected_login_are_distinguished(
    database: FreshDatabase,
) -> None:
    [unavailable] = await check_database(f"postgresql://postgres@{HOST}:{free_port()}/letterhead")
    [rejected] = await check_database(database.url("postgres").replace("postgres:", "postgres:wrong", 1))

    assert (unavailable.status, rejected.status) == (PartStatus.UNAVAILABLE, PartStatus.WRONG)
    assert "password authentication failed" in rejected.note


async def test_a_role_without_permissions_is_referred_to_the_owners_url(database: FreshDatabase) -> None:
    findings = await check_database(database.url("sender"))

    unseen = {each.part: each.remedy for each in findings if each.status is PartStatus.UNSEEN}
    assert "LETTERHEAD_SHARED_DOMAIN" in unseen.pop("event path")
    assert set(unseen) == {"rights", "outbox", "dead_letters"}
    assert all("owner's URL" in remedy for remedy in unseen.values())


async def test_processes_that_may_open_more_connections_than_there_are_are_counted(
    database: FreshDatabase,
) -> None:
    """The server has 197 for us, and a sender may open 14: its pool of 10, two LISTENs, outbox and check."""
    async with AsyncExitStack() as senders:
        for _ in range(15):
            opened = open_database(database.settings("sender"), application_name="sender")
            await senders.enter_async_context(opened)

        connections = await found_of(database, "connections")

    assert connections.status is PartStatus.WRONG
    assert re.match(r"15 processes may open 210 of 1\d\d connections", connections.note)
    assert "LETTERHEAD_DATABASE_POOL_SIZE" in connections.remedy


async def test_a_missing_migration_is_named(database: FreshDatabase) -> None:
    await database.execute("DELETE FROM chassis.migrations WHERE name = '0003_verifier.sql'")

    schema = await found_of(database, "schema")

    assert (schema.status, schema.note) == (PartStatus.WRONG, "not applied: 0003_verifier.sql")
    assert "chassis.migrate" in schema.remedy


async def test_an_empty_database_needs_all_migrations(database: FreshDatabase) -> None:
    await database.execute("DROP SCHEMA chassis CASCADE")

    assert "0001_chassis.sql" in (await found_of(database, "schema")).note


async def test_a_permission_that_a_restore_lost_is_named(database: FreshDatabase) -> None:
    await database.execute("REVOKE SELECT ON webhooks.feedback FROM letterhead_sender")

    rights = await found_of(database, "rights")

    assert (rights.status, rights.note) == (
        PartStatus.WRONG,
        "letterhead_sender may not SELECT webhooks.feedback",
    )


async def test_unpublished_and_dead_lettered_events_are_reported(database: FreshDatabase) -> None:
    await database.execute(
        "INSERT INTO sender.outbox"
        " (id, subject, source, resource, data, schema_name, occurred_at, created_at)"
        " VALUES ($1, 'email.sent', 'sender', 'x', '{}', 'x', now(), now() - interval '90 seconds')",
        uuid4(),
    )
    await database.execute(
        "INSERT INTO identity.dead_letters (id, consumer, subject, body, error, deliveries)"
        " VALUES ($1, 'x', 'x', 'x', 'x', 5)",
        uuid4(),
    )

    findings = await check_database(database.url("postgres"))

    outbox, dead_letters = of(findings, "outbox"), of(findings, "dead_letters")
    assert (outbox.service, "unpublished events: sender for 9" in outbox.note) == ("sender", True)
    assert (dead_letters.service, dead_letters.note) == ("identity", "dead-lettered events: 1 by identity")


@pytest.mark.parametrize("age", [None, "45 seconds"])
async def test_a_queue_that_is_not_polled_is_a_problem(database: FreshDatabase, age: str | None) -> None:
    if age:
        await database.execute(
            "INSERT INTO webhooks.intake (queue, polled_at) VALUES ('feedback', now() - $1::text::interval)",
            age,
        )

    feedback = await found_of(database, "feedback")

    assert (feedback.status, "ses-events-do-not-arrive.md" in feedback.remedy) == (PartStatus.WRONG, True)


async def test_a_missing_stream_and_an_unreachable_server_are_distinguished(stream: FreshStream) -> None:
    await stream.lose()
    _, missing = await check_nats(stream.settings("subscriber"), SUBSCRIBER)
    await stream.create()
    _, present = await check_nats(stream.settings("subscriber"), SUBSCRIBER)
    [unavailable] = await check_nats(config.Nats(nats_url=f"nats://{HOST}:{free_port()}"), SUBSCRIBER)

    assert (missing.status, present.status, unavailable.status) == (
        PartStatus.WRONG,
        PartStatus.WELL,
        PartStatus.UNAVAILABLE,
    )
    assert stream.name in missing.note


async def test_a_stream_at_its_limit_is_full(stream: FreshStream) -> None:
    await stream.create()
    async with connected(stream.server, OPERATOR) as connection:
        jetstream = connection.jetstream()
        limited = (await jetstream.stream_info(stream.name)).config
        limited.max_msgs = 1
        await jetstream.update_stream(limited)
        await jetstream.publish(f"{stream.prefix}domain.ready", b"{}", stream=stream.name)

    nats, full = await check_nats(stream.settings("subscriber"), SUBSCRIBER)

    assert nats.status is PartStatus.WELL
    assert (full.part, full.status) == ("stream", PartStatus.WRONG)
    assert "is full: 1 of 1 events" in full.note


@pytest.mark.parametrize(
    ("used", "status"), [(50, PartStatus.WELL), (85, PartStatus.WRONG), (None, PartStatus.UNSEEN)]
)
async def test_the_storage_of_nats_is_read_from_its_monitoring(used: int | None, status: PartStatus) -> None:
    async def jsz(_: web.Request) -> web.Response:
        return web.json_response({"storage": used, "config": {"max_storage": 100}} if used else {})

    monitoring, port = web.Application(), free_port()
    monitoring.router.add_get("/jsz", jsz)
    runner = web.AppRunner(monitoring)
    await runner.setup()
    await web.TCPSite(runner, HOST, port).start()
    [storage] = await check_storage(f"http://{HOST}:{port}")
    await runner.cleanup()

    assert (storage.part, storage.status) == ("storage", status)


async def test_a_database_that_accepts_no_writes_is_named(database: FreshDatabase) -> None:
    await database.execute(f'ALTER DATABASE "{database.name}" SET default_transaction_read_only = on')

    found = await found_of(database, "database")

    assert (found.status, "accepts no writes" in found.note) == (PartStatus.WRONG, True)


async def test_an_identity_that_was_deleted_at_ses_is_named(database: FreshDatabase) -> None:
    domain = await a_ready_domain(database, await a_tenant(database))
    await database.execute(
        "UPDATE verifier.verifications SET ses_checked_at = now(), ses_verification_status = NULL,"
        " ses_dkim_status = NULL, ses_tokens = '{}'"
    )

    identities = await found_of(database, "identities")

    assert (identities.status, domain.name in identities.note) == (PartStatus.WRONG, True)


async def test_subscribing_to_a_missing_stream_fails_with_its_name(stream: FreshStream) -> None:
    await stream.lose()
    with pytest.raises(EventsUnavailable, match=stream.name):
        async with Tail.open(stream.settings("subscriber")):
            pytest.fail("the stream does not exist")


async def test_services_that_do_not_answer_are_unreachable() -> None:
    address = f"{HOST}:{free_port()}"

    unreachable = Installation(
        **dict.fromkeys((each.name for each in with_grpc()), address),
        nats=address,
        api_key="",
        grpc_plaintext=True,
    )

    [service] = await check_service("sender", unreachable)
    [console] = await check_console(f"http://{address}")

    assert (service.status, console.status) == (PartStatus.UNAVAILABLE, PartStatus.UNAVAILABLE)
    assert address in service.note
