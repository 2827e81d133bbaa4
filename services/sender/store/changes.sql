-- lock_email --
-- Locks an email of :tenant_id and some of its claims (:claim_ids), or of any where these are NULL; waits for a replica that
-- is leasing it.
SELECT state
FROM sender.emails
WHERE id = :email_id
    AND (:tenant_id::uuid IS NULL OR tenant_id = :tenant_id)
    AND (:claim_ids::uuid[] IS NULL OR claim_id = ANY (:claim_ids))
FOR UPDATE;

-- is_perhaps_sent --
-- Returns whether an email may have been sent: an attempt was not rejected for certain, or may be missing after a restore.
SELECT decision_demanded OR EXISTS (
    SELECT FROM sender.attempts AS a WHERE a.email_id = e.id AND a.state <> 'REFUSED'
)
FROM sender.emails AS e
WHERE e.id = :email_id;

-- reschedule_email --
-- Changes the time that an email is scheduled for, and the :deadline that counts from it; does nothing if the time is the
-- same. Returns what events say about the email if it was changed.
WITH changed AS (
    UPDATE sender.emails
    SET
        send_at = :send_at,
        not_before = :send_at,
        expires_at = :send_at::timestamptz + :deadline::interval,
        state_note = :message,
        state_reason = :reason,
        state_parameters = '{}'
    WHERE id = :email_id AND state = 'QUEUED' AND send_at IS DISTINCT FROM :send_at
    RETURNING id, send_at
), written AS (
    INSERT INTO sender.email_transitions (id, email_id, from_state, to_state, note, reason)
    SELECT :transition_id::uuid, id, 'QUEUED', 'QUEUED', :message, :reason FROM changed
)
SELECT
    r.id, r.tenant_id, r.claim_id, r.domain, r.region, r.from_address, r.from_name, r.subject, r.tags, r.recipients,
    r.created_at, changed.send_at
FROM changed
JOIN sender.email_references AS r USING (id);
