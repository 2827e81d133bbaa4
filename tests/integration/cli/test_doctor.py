"""`letterhead doctor` reports healthy parts, problems and how to fix them."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import uuid4

import boto3
import pytest

from chassis import config
from chassis.events.authorization import SUBSCRIBER
from cli.aws.setup import set_up
from cli.doctor.aws import Way, check_aws
from cli.doctor.database import check_database
from cli.doctor.findings import Finding, PartStatus
from cli.doctor.nats import check_nats
from cli.doctor.services import check_console, check_service
from cli.events import Tail
from cli.exit_status import EventsUnavailable
from cli.installation import Installation
from cli.server_process import HOST, free_port
from services import PROCESSES, with_grpc
from tests.integration.cli.reports import a_report
from tests.internet import Internet
from tests.stores import FreshDatabase
from tests.streams import FreshStream

ACCOUNT, REGION = "123456789012", "us-east-1"
WAY = Way(ACCOUNT, "letterhead", "letterhead-feedback", "letterhead-feedback")


def of(findings: list[Finding], part: str) -> Finding:
    """Return the only finding about a part."""
    [found] = [finding for finding in findings if finding.part == part]
    return found


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
        "database", "clock", "schema", "rights", "process", "outbox", "dead_letters", "identities",
        "feedback", "event path",
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
    schema = await found_of(database, "schema", role="sender")

    assert (schema.status, "owner's URL" in schema.remedy) == (PartStatus.UNSEEN, True)


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


def changed_queue(client: Any, attribute: str) -> None:
    url = client.get_queue_url(QueueName=WAY.queue)["QueueUrl"]
    client.set_queue_attributes(QueueUrl=url, Attributes={attribute: ""})


def changed_topic(client: Any, attribute: str, value: str) -> None:
    arn = f"arn:aws:sns:{REGION}:{ACCOUNT}:{WAY.topic}"
    client.set_topic_attributes(TopicArn=arn, AttributeName=attribute, AttributeValue=value)


def without_destination(client: Any) -> None:
    client.delete_configuration_set_event_destination(
        ConfigurationSetName=WAY.configuration_set, EventDestinationName="feedback"
    )


def unsubscribed(client: Any) -> None:
    arn = f"arn:aws:sns:{REGION}:{ACCOUNT}:{WAY.topic}"
    [found] = client.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
    client.unsubscribe(SubscriptionArn=found["SubscriptionArn"])


OPEN_POLICY = json.dumps({"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sns:Publish"}]})
CHANGES: list[tuple[str, Callable[[Any], None], str]] = [
    ("sqs", partial(changed_queue, attribute="Policy"), "SQS queue letterhead-feedback has another Policy"),
    (
        "sqs",
        partial(changed_queue, attribute="RedrivePolicy"),
        "letterhead-feedback has another RedrivePolicy",
    ),
    (
        "sns",
        partial(changed_topic, attribute="Policy", value=OPEN_POLICY),
        "letterhead-feedback has another Policy",
    ),
    ("sns", partial(changed_topic, attribute="SignatureVersion", value="1"), "has another SignatureVersion"),
    ("sns", unsubscribed, "subscription of SNS topic letterhead-feedback"),
    (
        "sesv2",
        without_destination,
        "event destination of SES configuration set letterhead: feedback does not exist",
    ),
]


@pytest.mark.parametrize(("service", "change", "note"), CHANGES)
async def test_the_resource_that_differs_is_named(
    internet: Internet, service: str, change: Callable[[Any], None], note: str
) -> None:
    session, endpoint = boto3.Session("sandbox", "sandbox", region_name=REGION), internet.addresses.ses
    await asyncio.to_thread(set_up, session, account=ACCOUNT, endpoint_url=endpoint)

    await asyncio.to_thread(change, internet.aws(service))
    found = of(await asyncio.to_thread(check_aws, session, endpoint, WAY), "resources")

    assert found.status is PartStatus.WRONG
    assert note in found.note


async def test_each_resource_on_the_path_of_events_is_checked(internet: Internet) -> None:
    session, endpoint = boto3.Session("sandbox", "sandbox", region_name=REGION), internet.addresses.ses

    before = await asyncio.to_thread(check_aws, session, endpoint, WAY)
    await asyncio.to_thread(set_up, session, account=ACCOUNT, endpoint_url=endpoint)
    after = await asyncio.to_thread(check_aws, session, endpoint, WAY)

    assert [each.part for each in after] == ["aws", "resources", "ses-events", "topic", "signatures", "queue"]
    assert {finding.status for finding in before[1:]} == {PartStatus.WRONG}
    assert all("letterhead aws setup" in finding.remedy for finding in before[1:])
    assert {finding.status for finding in after} == {PartStatus.WELL}


async def test_doctor_reports_that_signatures_could_not_be_enforced(internet: Internet) -> None:
    session, endpoint = boto3.Session("sandbox", "sandbox", region_name=REGION), internet.addresses.ses
    made = await asyncio.to_thread(set_up, session, account=ACCOUNT, endpoint_url=endpoint)
    sns = session.client("sns", endpoint_url=endpoint)
    await asyncio.to_thread(
        sns.set_topic_attributes,
        TopicArn=made.topic_arn,
        AttributeName="SignatureVersion",
        AttributeValue="1",
    )

    enforcing = await asyncio.to_thread(check_aws, session, endpoint, replace(WAY, signatures="enforce"))
    not_yet = await asyncio.to_thread(check_aws, session, endpoint, WAY)

    assert of(enforcing, "signatures").status is PartStatus.WRONG
    assert "SignatureVersion 1, not 2" in of(enforcing, "signatures").note
    assert of(not_yet, "signatures").status is PartStatus.WELL


async def test_doctor_reports_a_queue_that_proves_no_event_of_the_rule(internet: Internet) -> None:
    session, endpoint = boto3.Session("sandbox", "sandbox", region_name=REGION), internet.addresses.ses
    way = replace(WAY, rule="letterhead-feedback")
    await asyncio.to_thread(set_up, session, account=ACCOUNT, endpoint_url=endpoint)

    without = await asyncio.to_thread(check_aws, session, endpoint, way)
    made = await asyncio.to_thread(set_up, session, account=ACCOUNT, endpoint_url=endpoint, event_rule=True)
    pinned = await asyncio.to_thread(check_aws, session, endpoint, way)
    other = await asyncio.to_thread(check_aws, session, endpoint, replace(way, rule="other"))

    for findings in (without, other):
        assert of(findings, "event-rule").status is PartStatus.WRONG
        assert "no statement allows events.amazonaws.com" in of(findings, "event-rule").note
        assert "aws setup --apply --event-rule" in of(findings, "event-rule").remedy
    assert {finding.status for finding in pinned} == {PartStatus.WELL}
    assert made.rule_arn in of(pinned, "event-rule").note


async def test_messages_in_the_dead_letter_queue_are_reported(internet: Internet) -> None:
    session, endpoint = boto3.Session("sandbox", "sandbox", region_name=REGION), internet.addresses.ses
    made = await asyncio.to_thread(set_up, session, account=ACCOUNT, endpoint_url=endpoint)
    sqs = session.client("sqs", endpoint_url=endpoint)
    url = (await asyncio.to_thread(sqs.get_queue_url, QueueName=made.dead_letters))["QueueUrl"]
    await asyncio.to_thread(sqs.send_message, QueueUrl=url, MessageBody="rejected")

    queue = of(await asyncio.to_thread(check_aws, session, endpoint, WAY), "queue")

    assert (queue.status, "about 1 rejected messages" in queue.note) == (PartStatus.WRONG, True)
    assert "sns-messages-refused.md" in queue.remedy
