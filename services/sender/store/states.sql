-- resolve_attempts --
-- Moves attempts where the pairs (:allowed_from, :allowed_to) allow it, locking them in a fixed order to avoid deadlocks;
-- returns those moved.
WITH wanted AS (
    SELECT id, to_state, error, ses_id
    FROM unnest(:attempt_ids::uuid[], :to_states::text[], :errors::text[], :ses_ids::text[])
        AS wanted (id, to_state, error, ses_id)
), locked AS MATERIALIZED (
    SELECT id, state AS from_state FROM sender.attempts WHERE id = ANY (:attempt_ids) ORDER BY id FOR UPDATE
), legal AS (
    SELECT wanted.id, to_state, wanted.error, wanted.ses_id
    FROM wanted
    JOIN locked USING (id)
    JOIN unnest(:allowed_from::text[], :allowed_to::text[]) AS pair (from_state, to_state) USING (from_state, to_state)
)
UPDATE sender.attempts AS a
SET state = legal.to_state, error = legal.error, ses_id = coalesce(legal.ses_id, a.ses_id), resolved_at = now()
FROM legal
WHERE a.id = legal.id
RETURNING a.id;

-- move_emails --
-- Moves emails where the pairs (:allowed_from, :allowed_to) allow it, locking them in a fixed order to avoid deadlocks, and
-- writes their history; returns those moved, with what events say about them if their new state is one of :published.
WITH wanted AS (
    SELECT *
    FROM unnest(
        :transition_ids::uuid[], :email_ids::uuid[], :to_states::text[], :messages::text[], :reasons::text[],
        :parameters::jsonb[], :delays::interval[], :ses_ids::text[], :sent_as::text[], :sent_from::text[],
        :body_retention::interval[]
    ) AS wanted (
        transition_id, email_id, to_state, message, reason, parameters, delay, ses_id, sent_as, sent_from, body_retention
    )
), locked AS MATERIALIZED (
    SELECT id AS email_id, state AS from_state FROM sender.emails WHERE id = ANY (:email_ids) ORDER BY id FOR UPDATE
), legal AS (
    SELECT *
    FROM wanted
    JOIN locked USING (email_id)
    JOIN unnest(:allowed_from::text[], :allowed_to::text[]) AS pair (from_state, to_state) USING (from_state, to_state)
), moved AS (
    UPDATE sender.emails AS e
    SET
        state = legal.to_state,
        state_note = legal.message,
        state_reason = legal.reason,
        state_parameters = legal.parameters,
        state_at = now(),
        -- An email is never sent before the time that it is scheduled for.
        not_before = greatest(now() + legal.delay, e.send_at),
        ses_id = coalesce(nullif(legal.ses_id, ''), e.ses_id),
        sent_as = coalesce(legal.sent_as, e.sent_as),
        sent_from = coalesce(legal.sent_from, e.sent_from),
        sent_at = CASE WHEN legal.to_state = 'SENT' THEN coalesce(e.sent_at, now()) ELSE e.sent_at END,
        attempts = e.attempts + CASE WHEN legal.to_state = 'SENDING' THEN 1 ELSE 0 END,
        body_erase_at = now() + legal.body_retention * CASE WHEN e.is_secret THEN 0 ELSE 1 END,
        -- Evidence may still arrive for an email that ended without any, and an operator may still decide on an expired one.
        decision_demanded = e.decision_demanded AND legal.to_state IN ('EXPIRED', 'FAILED')
    FROM legal
    WHERE e.id = legal.email_id
    RETURNING e.id, e.tenant_id, e.claim_id, e.state, e.ses_id, e.sent_as, e.sent_from
), written AS (
    INSERT INTO sender.email_transitions (id, email_id, from_state, to_state, note, reason, parameters)
    SELECT transition_id, email_id, from_state, to_state, message, reason, parameters FROM legal
)
SELECT
    moved.id, moved.tenant_id, moved.claim_id, moved.state, moved.ses_id, moved.sent_as, moved.sent_from,
    r.domain, r.region, r.from_address, r.from_name, r.subject, r.tags, r.recipients, r.created_at, r.send_at
FROM moved
LEFT JOIN sender.email_references AS r ON r.id = moved.id AND moved.state = ANY (:published::text[]);
