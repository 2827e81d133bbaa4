-- `service` is replaced by the schema of the service before a statement runs.

-- write_events --
-- Store events in the caller's transaction and wake the relays when it commits.
WITH written AS (
    INSERT INTO service.outbox (id, subject, source, resource, tenant_id, data, schema_name, occurred_at)
    SELECT
        event.id,
        event.subject,
        :source,
        event.resource,
        event.tenant_id,
        event.data::jsonb,
        event.schema_name,
        coalesce(event.occurred_at, now())
    FROM unnest(
        :ids::uuid[],
        :subjects::text[],
        :resources::text[],
        :tenant_ids::uuid[],
        :data::text[],
        :schema_names::text[],
        :times::timestamptz[]
    ) AS event (id, subject, resource, tenant_id, data, schema_name, occurred_at)
    RETURNING id
)
SELECT pg_notify(:channel, '') FROM written LIMIT 1

-- lease_events --
-- Lease events that are due for publishing; if the relay dies, they are due again when the lease ends.
UPDATE service.outbox
SET leased_until = clock_timestamp() + :lease
WHERE id IN (
    SELECT id
    FROM service.outbox
    WHERE published_at IS NULL
        AND (leased_until IS NULL OR leased_until < clock_timestamp())
    ORDER BY created_at
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
)
RETURNING id, subject, source, resource, tenant_id, data, schema_name, occurred_at

-- mark_published --
-- Mark events as published, unless the stream was replaced meanwhile (the row lock serializes the two).
WITH adopted AS (
    SELECT stream FROM service.relay WHERE stream = :stream AND created_at = :created_at FOR SHARE
)
UPDATE service.outbox
SET published_at = clock_timestamp(), leased_until = NULL
FROM adopted
WHERE id = ANY (:ids)

-- release_events --
-- Release the leases of events.
UPDATE service.outbox SET leased_until = NULL WHERE id = ANY (:ids) AND published_at IS NULL

-- adopt_stream --
-- Store which stream the outbox is relayed to; return a row only to the relay that recorded a change.
INSERT INTO service.relay AS known (stream, created_at)
VALUES (:stream, :created_at)
ON CONFLICT (stream) DO UPDATE SET created_at = excluded.created_at
WHERE known.created_at <> excluded.created_at
RETURNING created_at

-- set_statement_timeout --
-- Change the longest time of a statement for the rest of the transaction.
SELECT set_config('statement_timeout', :timeout, true)

-- publish_again --
-- Make every published event within the retention due again.
UPDATE service.outbox
SET published_at = NULL, leased_until = NULL
WHERE published_at IS NOT NULL AND created_at > now() - :age::interval

-- delete_old_events --
-- Delete a batch of published events past the retention.
DELETE FROM service.outbox
WHERE id IN (
    SELECT id
    FROM service.outbox
    WHERE created_at < now() - :age::interval AND published_at IS NOT NULL
    ORDER BY created_at
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
)

-- oldest_unpublished --
-- Return the age of the oldest unpublished event; NULL if all are published.
SELECT now() - min(created_at) FROM service.outbox WHERE published_at IS NULL

-- receive_events --
-- Record that a consumer applies events in this transaction; return those that it has not applied before.
INSERT INTO service.inbox (consumer, event_id)
SELECT :consumer, event_id FROM unnest(:event_ids::uuid[]) AS event (event_id)
ON CONFLICT DO NOTHING
RETURNING event_id

-- add_dead_letter --
-- Dead-letter an event that could not be applied, so that it is retried and an operator can inspect it.
INSERT INTO service.dead_letters (id, consumer, event_id, subject, body, error, deliveries)
VALUES (:id, :consumer, :event_id, :subject, :body, :error, :deliveries)
ON CONFLICT (consumer, event_id) DO UPDATE
SET error = excluded.error, deliveries = excluded.deliveries, dead_lettered_at = now(), tried_at = now()

-- lease_dead_letters --
-- Lease dead-lettered events that are due for a retry; the time is stored before the attempt, so that a crash does not repeat it early.
UPDATE service.dead_letters
SET tried_at = now()
WHERE id IN (
    SELECT id
    FROM service.dead_letters
    WHERE consumer = :consumer AND event_id IS NOT NULL AND deliveries <= :max_deliveries AND tried_at < now() - :pause::interval
    ORDER BY tried_at
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
)
RETURNING id, event_id, subject, body

-- note_dead_letter --
-- Store the error of a failed retry.
UPDATE service.dead_letters SET error = :error WHERE id = :id

-- remove_dead_letter --
-- Delete a dead-lettered event that was applied in the same transaction.
DELETE FROM service.dead_letters WHERE id = :id

-- count_dead_letters --
-- Count a consumer's dead-lettered events.
SELECT count(*) FROM service.dead_letters WHERE consumer = :consumer

-- delete_old_received --
-- Delete a batch of a consumer's inbox rows that are too old for a redelivery.
DELETE FROM service.inbox
WHERE (consumer, event_id) IN (
    SELECT consumer, event_id
    FROM service.inbox
    WHERE consumer = :consumer AND received_at < now() - :age::interval
    ORDER BY received_at
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
)

-- delete_old_dead_letters --
-- Delete a batch of a consumer's dead-lettered events past their retention.
DELETE FROM service.dead_letters
WHERE id IN (
    SELECT id FROM service.dead_letters WHERE consumer = :consumer AND dead_lettered_at < now() - :age::interval LIMIT :limit
)
