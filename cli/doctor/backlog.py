"""Checks in Postgres that events, feedback and the identities at SES are where they should be."""

from datetime import timedelta

from chassis.database import Connection
from chassis.events.tables import statements
from cli.doctor.durations import short
from cli.doctor.findings import Finding, unseen, well, wrong
from services import schemas

# The thresholds of the alerts in deploy/components/alerts.
LONGEST_WAIT = timedelta(seconds=60)
POLLED_WITHIN = timedelta(seconds=30)
# The threshold of the alert EventPathBroken: three heartbeats in a row.
PROVEN_WITHIN = timedelta(minutes=15)
MOST_NAMES = 5
PUBLISHED = "See docs/runbooks/events-are-not-published.md."

_MISSING_IDENTITIES = """
SELECT known.name, known.account || ':' || known.region AS region, count(*) OVER () AS number
FROM verifier.verifications AS known
JOIN identity.claims AS claim ON claim.id = known.claim_id AND claim.phase = 'ACTIVE'
WHERE known.ses_checked_at IS NOT NULL
    AND known.ses_verification_status IS NULL
    AND known.ses_dkim_status IS NULL
    AND known.ses_tokens = '{}'
ORDER BY known.name
LIMIT $1
"""
_HEARTBEATS = """
SELECT
    h.source,
    now() - max(h.opened_at) AS sent,
    now() - min(h.opened_at) AS sending,
    now() - max(f.received_at) AS received
FROM sender.heartbeats AS h
LEFT JOIN webhooks.feedback AS f ON f.attempt_id = h.id AND f.kind = 'SEND'
WHERE h.opened_at > now() - interval '1 hour'
GROUP BY h.source
ORDER BY h.source
"""
_POLLED = "SELECT queue, now() - polled_at AS age FROM webhooks.intake ORDER BY polled_at DESC LIMIT 1"


async def check_outbox(connection: Connection) -> list[Finding]:
    """Report each service whose events wait too long to be published."""
    waits = {
        schema: await connection.fetchval(*statements(schema).oldest_unpublished()) for schema in schemas()
    }
    remedy = f"If NATS answers, its disk or the stream's limit is full. {PUBLISHED}"
    return [
        wrong("outbox", f"unpublished events: {schema} for {short(age)}", remedy).of(schema)
        for schema, age in waits.items()
        if age and age > LONGEST_WAIT
    ] or [well("outbox", "events are published as they are written")]


async def check_dead_letters(connection: Connection) -> list[Finding]:
    """Report each service that has dead-lettered events."""
    counts = {
        schema: await connection.fetchval(f"SELECT count(*) FROM {schema}.dead_letters")  # noqa: S608 - our own names
        for schema in schemas()
    }
    remedy = "See docs/runbooks/events-are-dead-lettered.md."
    return [
        wrong("dead_letters", f"dead-lettered events: {count} by {schema}", remedy).of(schema)
        for schema, count in counts.items()
        if count
    ] or [well("dead_letters", "no dead-lettered events")]


async def check_identities(connection: Connection) -> list[Finding]:
    """Report domains whose identity someone deleted at SES."""
    rows = await connection.fetch(_MISSING_IDENTITIES, MOST_NAMES)
    if not rows:
        return [well("identities", "SES has the identity of every domain that was checked")]
    named = ", ".join(f"{row['name']} ({row['region']})" for row in rows)
    more = f", and {rows[0]['number'] - len(rows)} more" if rows[0]["number"] > len(rows) else ""
    note = f"SES has no identity of {named}{more}: it was deleted there, not by Letterhead"
    remedy = "identity creates it again; then show its new records: `letterhead domains show`. Email is held."
    return [wrong("identities", note, remedy)]


async def check_feedback(connection: Connection) -> list[Finding]:
    """Report whether webhooks polls the feedback queue."""
    row = await connection.fetchrow(_POLLED)
    remedy = "See docs/runbooks/ses-events-do-not-arrive.md."
    if row is None:
        return [wrong("feedback", "webhooks has never polled the feedback queue", remedy)]
    if row["age"] > POLLED_WITHIN:
        note = f"webhooks last polled the queue {row['queue']} {short(row['age'])} ago"
        return [wrong("feedback", note, remedy)]
    return [well("feedback", f"webhooks polls the queue {row['queue']}")]


async def check_event_path(connection: Connection) -> list[Finding]:
    """Report, for each configuration set, whether SES's events about our heartbeats arrive."""
    rows = await connection.fetch(_HEARTBEATS)
    if not rows:
        note = "unproven: no heartbeat was sent within an hour"
        remedy = "sender needs a shared domain (LETTERHEAD_SHARED_DOMAIN) that is READY."
        return [unseen("event path", note, remedy)]
    return [_proof(**row) for row in rows]


def _proof(source: str, sent: timedelta, sending: timedelta, received: timedelta | None) -> Finding:
    if received is not None and received < PROVEN_WITHIN:
        return well("event path", f"{source}: SES's event about a heartbeat arrived {short(received)} ago")
    if received is None and sending < PROVEN_WITHIN:
        note = f"{source}: a heartbeat was sent {short(sent)} ago; SES's event about it has not arrived yet"
        return unseen("event path", note, "Run doctor again in a few minutes.")
    since = f"for {short(received)}" if received else "yet"
    note = f"{source}: heartbeats are sent, and no event of SES about them has arrived {since}"
    return wrong("event path", note, "See docs/runbooks/ses-events-do-not-arrive.md.")
