-- undecided --
-- Returns an email of :tenant_id and some of its claims (:claim_ids), or of any where these are NULL: whether only a decision
-- can release it (also because its next attempt would be past its deadline), the attempt whose answer was lost, whether the
-- email may have been sent, and whether SES's events say that it was.
SELECT
    e.state, e.decision_demanded OR e.not_before > e.expires_at AS demanded, a.id AS attempt_id,
    e.decision_demanded OR EXISTS (
        SELECT FROM sender.attempts AS lost WHERE lost.email_id = e.id AND lost.state IN ('UNKNOWN', 'ABANDONED')
    ) AS perhaps_sent,
    EXISTS (SELECT FROM webhooks.feedback AS f WHERE f.email_id = e.id) AS reported
FROM sender.emails AS e
LEFT JOIN sender.attempts AS a ON a.email_id = e.id AND a.state = 'UNKNOWN'
WHERE e.id = :email_id
    AND (:tenant_id::uuid IS NULL OR e.tenant_id = :tenant_id)
    AND (:claim_ids::uuid[] IS NULL OR e.claim_id = ANY (:claim_ids));

-- lock_undecided --
-- Locks an email that is held for a decision or expired until the end of the transaction.
SELECT id
FROM sender.emails
WHERE id = :email_id AND (state = 'HELD' AND (decision_demanded OR not_before > expires_at) OR state = 'EXPIRED')
FOR UPDATE;

-- to_hold --
-- Returns emails accepted from :since to before :before that are waiting, being submitted or of unknown outcome, or held and
-- could be released without a decision; with the open attempt. Of :tenant_id and some of its claims (:claim_ids), or of any
-- where these are NULL.
SELECT e.id, e.state, a.id AS attempt_id
FROM sender.emails AS e
LEFT JOIN sender.attempts AS a ON a.email_id = e.id AND a.state = 'OPEN'
WHERE (e.state IN ('QUEUED', 'SENDING', 'UNKNOWN') OR e.state = 'HELD' AND NOT e.decision_demanded)
    AND (:since::timestamptz IS NULL OR e.created_at >= :since)
    AND (:before::timestamptz IS NULL OR e.created_at < :before)
    AND (:tenant_id::uuid IS NULL OR e.tenant_id = :tenant_id)
    AND (:claim_ids::uuid[] IS NULL OR e.claim_id = ANY (:claim_ids))
ORDER BY e.id
LIMIT :limit;

-- hold_on --
-- Updates the reason of emails that are already held; returns those that still are.
WITH still_held AS (
    UPDATE sender.emails
    SET state_note = :message, state_reason = :reason, state_parameters = :parameters::jsonb
    WHERE id = ANY (:email_ids) AND state = 'HELD'
    RETURNING id
)
INSERT INTO sender.email_transitions (id, email_id, from_state, to_state, note, reason, parameters)
SELECT transition_id, still_held.id, 'HELD', 'HELD', :message, :reason, :parameters::jsonb
FROM unnest(:transition_ids::uuid[], :email_ids::uuid[]) AS wanted (transition_id, id)
JOIN still_held USING (id)
RETURNING email_id;

-- demand_decisions --
-- Makes held emails require a decision.
UPDATE sender.emails SET decision_demanded = true WHERE id = ANY (:email_ids) AND state = 'HELD';
