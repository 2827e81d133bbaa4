-- emails_by_id --
-- Returns the emails that feedback events name, with what events say about them.
SELECT
    e.id, e.tenant_id, e.state, e.ses_id, r.claim_id, r.domain, r.region, r.from_address, r.from_name, r.subject, r.tags,
    r.recipients, r.created_at, r.send_at
FROM sender.emails AS e
JOIN sender.email_references AS r ON r.id = e.id
WHERE e.id = ANY (:email_ids);

-- emails_by_ses_id --
-- Returns the emails that feedback events name only by SES's id, with what events say about them.
SELECT DISTINCT ON (e.ses_id)
    e.ses_id, e.id, e.tenant_id, e.state, r.claim_id, r.domain, r.region, r.from_address, r.from_name, r.subject, r.tags,
    r.recipients, r.created_at, r.send_at
FROM sender.emails AS e
JOIN sender.email_references AS r ON r.id = e.id
WHERE e.ses_id = ANY (:ses_ids)
ORDER BY e.ses_id, e.id;

-- unresolved_attempts --
-- Returns the attempt that feedback on each email must be about, for emails without an accepted attempt.
SELECT DISTINCT ON (email_id) email_id, id
FROM sender.attempts AS a
WHERE email_id = ANY (:email_ids)
    AND NOT EXISTS (SELECT FROM sender.attempts AS other WHERE other.email_id = a.email_id AND other.state = 'ACCEPTED')
ORDER BY email_id, state IN ('OPEN', 'UNKNOWN') DESC, number DESC;

-- matching_recipients --
-- Returns which of some addresses are recipients of which emails, with their states; locks them until the transaction ends.
SELECT email_id, match, state
FROM sender.recipients
WHERE email_id = ANY (:email_ids) AND match = ANY (:addresses) AND state <> 'SUPPRESSED'
ORDER BY email_id, position
FOR NO KEY UPDATE;

-- advance_recipients --
-- Moves recipients to new states.
UPDATE sender.recipients AS r
SET
    state = reported.state,
    state_note = reported.message,
    state_reason = reported.reason,
    state_parameters = reported.parameters,
    state_at = now()
FROM unnest(
    :email_ids::uuid[], :addresses::text[], :states::text[], :messages::text[], :reasons::text[], :parameters::jsonb[]
) AS reported (email_id, match, state, message, reason, parameters)
WHERE r.email_id = reported.email_id AND r.match = reported.match;

-- strike --
-- Counts strikes against tenants, each address of an email once; none for test emails and notices.
INSERT INTO sender.strikes (email_id, match, kind, tenant_id)
SELECT strike.email_id, strike.match, strike.kind, strike.tenant_id
FROM unnest(:email_ids::uuid[], :addresses::text[], :kinds::text[], :tenant_ids::uuid[])
    AS strike (email_id, match, kind, tenant_id)
JOIN sender.emails AS e ON e.id = strike.email_id AND NOT (e.is_test OR e.is_notice)
ON CONFLICT (email_id, match, kind) DO NOTHING;

-- explain_emails --
-- Explains the state of emails that SES accepted, without changing it.
UPDATE sender.emails AS e
SET state_note = why.message, state_reason = why.reason, state_parameters = why.parameters
FROM unnest(:email_ids::uuid[], :messages::text[], :reasons::text[], :parameters::jsonb[])
    AS why (email_id, message, reason, parameters)
WHERE e.id = why.email_id AND e.state = 'SENT';
