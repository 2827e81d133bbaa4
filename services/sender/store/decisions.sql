-- undecided --
-- Returns an email of a tenant ($2) and some of its claims ($3), or of any where these are NULL: whether only a decision can
-- release it (also because its next attempt would be past its deadline), the attempt whose answer was lost, whether the
-- email may have been sent, and whether SES's events say that it was.
SELECT
    e.state, e.decision_demanded OR e.not_before > e.expires_at AS demanded, a.id AS attempt_id,
    e.decision_demanded OR EXISTS (
        SELECT FROM sender.attempts AS lost WHERE lost.email_id = e.id AND lost.state IN ('UNKNOWN', 'ABANDONED')
    ) AS perhaps_sent,
    EXISTS (SELECT FROM webhooks.feedback AS f WHERE f.email_id = e.id) AS reported
FROM sender.emails AS e
LEFT JOIN sender.attempts AS a ON a.email_id = e.id AND a.state = 'UNKNOWN'
WHERE e.id = $1
    AND ($2::uuid IS NULL OR e.tenant_id = $2)
    AND ($3::uuid[] IS NULL OR e.claim_id = ANY ($3));

-- lock_undecided --
-- Locks an email that is held for a decision or expired until the end of the transaction.
SELECT id
FROM sender.emails
WHERE id = $1 AND (state = 'HELD' AND (decision_demanded OR not_before > expires_at) OR state = 'EXPIRED')
FOR UPDATE;

-- to_hold --
-- Returns emails accepted from $1 to before $2 that are waiting, being submitted or of unknown outcome, or held and could be
-- released without a decision; with the open attempt. Of a tenant ($4) and some of its claims ($5), or of any where these
-- are NULL.
SELECT e.id, e.state, a.id AS attempt_id
FROM sender.emails AS e
LEFT JOIN sender.attempts AS a ON a.email_id = e.id AND a.state = 'OPEN'
WHERE (e.state IN ('QUEUED', 'SENDING', 'UNKNOWN') OR e.state = 'HELD' AND NOT e.decision_demanded)
    AND ($1::timestamptz IS NULL OR e.created_at >= $1) AND ($2::timestamptz IS NULL OR e.created_at < $2)
    AND ($4::uuid IS NULL OR e.tenant_id = $4)
    AND ($5::uuid[] IS NULL OR e.claim_id = ANY ($5))
ORDER BY e.id
LIMIT $3;

-- hold_on --
-- Updates the note of emails that are already held ($2); returns those that still are.
WITH kept AS (
    UPDATE sender.emails SET state_note = $3
    WHERE id = ANY ($2) AND state = 'HELD'
    RETURNING id
)
INSERT INTO sender.email_transitions (id, email_id, from_state, to_state, note)
SELECT transition_id, kept.id, 'HELD', 'HELD', $3
FROM unnest($1::uuid[], $2::uuid[]) AS wanted (transition_id, id)
JOIN kept USING (id)
RETURNING email_id;

-- demand_decisions --
-- Makes held emails require a decision.
UPDATE sender.emails SET decision_demanded = true WHERE id = ANY ($1) AND state = 'HELD';
