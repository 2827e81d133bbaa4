-- `service` is replaced by the schema of the service before a statement runs.

-- write_events --
-- Stores events in the caller's transaction and wakes the relays when it commits.
WITH written AS (
    INSERT INTO service.outbox (id, subject, source, resource, tenant_id, data, schema_name, occurred_at)
    SELECT
        event.id,
        event.subject,
        $8,
        event.resource,
        event.tenant_id,
        event.data::jsonb,
        event.schema_name,
        coalesce(event.occurred_at, now())
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::timestamptz[])
        AS event (id, subject, resource, tenant_id, data, schema_name, occurred_at)
    RETURNING id
)
SELECT pg_notify($9, '') FROM written LIMIT 1

-- lease_events --
-- Leases events that are due for publishing; if the relay dies, they are due again when the lease ends.
UPDATE service.outbox
SET leased_until = clock_timestamp() + $2
WHERE id IN (
    SELECT id
    FROM service.outbox
    WHERE published_at IS NULL
        AND (leased_until IS NULL OR leased_until < clock_timestamp())
    ORDER BY created_at
    LIMIT $1
    FOR UPDATE SKIP LOCKED
)
RETURNING id, subject, source, resource, tenant_id, data, schema_name, occurred_at

-- mark_published --
-- Marks events as published, unless the stream was replaced meanwhile (the row lock serializes the two).
WITH era AS (
    SELECT stream FROM service.relay WHERE stream = $2 AND created_at = $3 FOR SHARE
)
UPDATE service.outbox
SET published_at = clock_timestamp(), leased_until = NULL
FROM era
WHERE id = ANY ($1)

-- release_events --
-- Releases the leases of events.
UPDATE service.outbox SET leased_until = NULL WHERE id = ANY ($1) AND published_at IS NULL

-- adopt_stream --
-- Stores which stream the outbox is relayed to; returns a row only to the relay that recorded a change.
INSERT INTO service.relay AS known (stream, created_at)
VALUES ($1, $2)
ON CONFLICT (stream) DO UPDATE SET created_at = excluded.created_at
WHERE known.created_at <> excluded.created_at
RETURNING created_at

-- publish_again --
-- Makes every published event within the retention due again.
UPDATE service.outbox
SET published_at = NULL, leased_until = NULL
WHERE published_at IS NOT NULL AND created_at > now() - $1::interval

-- delete_old_events --
-- Deletes a batch of published events past the retention.
DELETE FROM service.outbox
WHERE id IN (
    SELECT id
    FROM service.outbox
    WHERE created_at < now() - $1::interval AND published_at IS NOT NULL
    ORDER BY created_at
    LIMIT $2
    FOR UPDATE SKIP LOCKED
)

-- oldest_unpublished --
-- Returns the age of the oldest unpublished event; NULL if all are published.
SELECT now() - min(created_at) FROM service.outbox WHERE published_at IS NULL

-- receive_events --
-- Records that a consumer applies events in this transaction; returns those that it has not applied before.
INSERT INTO service.inbox (consumer, event_id)
SELECT $1, event_id FROM unnest($2::uuid[]) AS event (event_id)
ON CONFLICT DO NOTHING
RETURNING event_id

-- add_dead_letter --
-- Dead-letters an event that could not be applied, so that it is retried and an operator can inspect it.
INSERT INTO service.dead_letters (id, consumer, event_id, subject, body, error, deliveries)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (consumer, event_id) DO UPDATE
SET error = excluded.error, deliveries = excluded.deliveries, dead_lettered_at = now(), tried_at = now()

-- lease_dead_letters --
-- Leases dead-lettered events that are due for a retry; the time is stored before the attempt, so that a crash does not repeat it early.
UPDATE service.dead_letters
SET tried_at = now()
WHERE id IN (
    SELECT id
    FROM service.dead_letters
    WHERE consumer = $1 AND event_id IS NOT NULL AND deliveries <= $2 AND tried_at < now() - $3::interval
    ORDER BY tried_at
    LIMIT $4
    FOR UPDATE SKIP LOCKED
)
RETURNING id, event_id, subject, body

-- note_dead_letter --
-- Stores the error of a failed retry.
UPDATE service.dead_letters SET error = $2 WHERE id = $1

-- remove_dead_letter --
-- Deletes a dead-lettered event that was applied in the same transaction.
DELETE FROM service.dead_letters WHERE id = $1

-- count_dead_letters --
-- Counts a consumer's dead-lettered events.
SELECT count(*) FROM service.dead_letters WHERE consumer = $1

-- delete_old_received --
-- Deletes a batch of a consumer's inbox rows that are too old for a redelivery.
DELETE FROM service.inbox
WHERE (consumer, event_id) IN (
    SELECT consumer, event_id
    FROM service.inbox
    WHERE consumer = $1 AND received_at < now() - $2::interval
    ORDER BY received_at
    LIMIT $3
    FOR UPDATE SKIP LOCKED
)

-- delete_old_dead_letters --
-- Deletes a batch of a consumer's dead-lettered events past their retention.
DELETE FROM service.dead_letters
WHERE id IN (
    SELECT id FROM service.dead_letters WHERE consumer = $1 AND dead_lettered_at < now() - $2::interval LIMIT $3
)
