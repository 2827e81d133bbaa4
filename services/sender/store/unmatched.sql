-- keep --
-- Stores events of SES whose emails are not known yet.
INSERT INTO sender.unmatched_feedback (id, ses_id, subject, data, occurred_at)
SELECT id, ses_id, subject, data, occurred_at
FROM unnest(:event_ids::uuid[], :ses_ids::text[], :subjects::text[], :data::jsonb[], :times::timestamptz[])
    AS early (id, ses_id, subject, data, occurred_at)
ON CONFLICT (id) DO NOTHING;

-- find_emails --
-- Checks a batch of due events and returns whether their emails are known now. Delays the next check of each by as long as it
-- has waited, 5 minutes at most.
WITH due AS MATERIALIZED (
    SELECT id FROM sender.unmatched_feedback WHERE due_at <= now() ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED
)
UPDATE sender.unmatched_feedback AS u
SET due_at = now() + greatest('1 second'::interval, least(now() - u.received_at, '5 minutes'::interval))
FROM due
WHERE u.id = due.id
RETURNING u.id, EXISTS (SELECT FROM sender.emails AS e WHERE e.ses_id = u.ses_id) AS known;

-- take --
-- Removes an event in order to apply it.
DELETE FROM sender.unmatched_feedback WHERE id = :event_id RETURNING id, subject, data, occurred_at, received_at;
