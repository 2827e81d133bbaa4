-- lock_email --
-- Locks an email of a tenant ($2) and some of its claims ($3), or of any where these are NULL; waits for a replica that is
-- leasing it.
SELECT state
FROM sender.emails
WHERE id = $1
    AND ($2::uuid IS NULL OR tenant_id = $2)
    AND ($3::uuid[] IS NULL OR claim_id = ANY ($3))
FOR UPDATE;

-- is_perhaps_sent --
-- Returns whether an email may have been sent: an attempt was not rejected for certain, or may be missing after a restore.
SELECT decision_demanded OR EXISTS (
    SELECT FROM sender.attempts AS a WHERE a.email_id = e.id AND a.state <> 'REFUSED'
)
FROM sender.emails AS e
WHERE e.id = $1;

-- reschedule_email --
-- Changes the time that an email is scheduled for, and its deadline, which counts from it ($3); does nothing if the time
-- is the same.
WITH changed AS (
    UPDATE sender.emails
    SET
        send_at = $2,
        not_before = $2,
        expires_at = $2::timestamptz + $3::interval,
        state_note = 'Accepted and scheduled.'
    WHERE id = $1 AND state = 'QUEUED' AND send_at IS DISTINCT FROM $2
    RETURNING id
)
INSERT INTO sender.email_transitions (id, email_id, from_state, to_state, note)
SELECT $4::uuid, id, 'QUEUED', 'QUEUED', 'Rescheduled.' FROM changed;
