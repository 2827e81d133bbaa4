-- emails_by_id --
-- The emails that feedback names.
SELECT id, tenant_id, state FROM sender.emails WHERE id = ANY ($1);

-- emails_by_ses_id --
-- The emails that feedback names by SES's id alone.
SELECT DISTINCT ON (ses_id) ses_id, id, tenant_id, state
FROM sender.emails
WHERE ses_id = ANY ($1)
ORDER BY ses_id, id;

-- unsettled_attempts --
-- The attempts that emails' feedback must be about, of emails of which none is known to have been accepted.
SELECT DISTINCT ON (email_id) email_id, id
FROM sender.attempts AS a
WHERE email_id = ANY ($1)
    AND NOT EXISTS (SELECT FROM sender.attempts AS other WHERE other.email_id = a.email_id AND other.state = 'ACCEPTED')
ORDER BY email_id, state IN ('OPEN', 'UNKNOWN') DESC, number DESC;

-- matching_recipients --
-- Those of some addresses that are emails' own recipients, with their states; keeps them so until the transaction ends.
SELECT email_id, match, state
FROM sender.recipients
WHERE email_id = ANY ($1) AND match = ANY ($2) AND state <> 'SUPPRESSED'
ORDER BY email_id, position
FOR NO KEY UPDATE;

-- advance_recipients --
-- Moves recipients of emails to states.
UPDATE sender.recipients AS r
SET state = told.state, state_note = told.note, state_at = now()
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) AS told (email_id, match, state, note)
WHERE r.email_id = told.email_id AND r.match = told.match;

-- strike --
-- Counts addresses of emails against their tenants, each once; not those of test emails.
INSERT INTO sender.strikes (email_id, match, kind, tenant_id)
SELECT struck.email_id, struck.match, struck.kind, struck.tenant_id
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[]) AS struck (email_id, match, kind, tenant_id)
JOIN sender.emails AS e ON e.id = struck.email_id AND NOT e.is_test
ON CONFLICT (email_id, match, kind) DO NOTHING;
