-- email_by_id --
-- The email that feedback names.
SELECT id, tenant_id, state FROM sender.emails WHERE id = $1;

-- email_by_ses_id --
-- The email that feedback names by SES's id alone.
SELECT id, tenant_id, state FROM sender.emails WHERE ses_id = $1 ORDER BY id LIMIT 1;

-- unsettled_attempt --
-- The attempt that an email's feedback must be about, when none is known to have been accepted.
SELECT id
FROM sender.attempts
WHERE email_id = $1
    AND NOT EXISTS (SELECT FROM sender.attempts WHERE email_id = $1 AND state = 'ACCEPTED')
ORDER BY state IN ('OPEN', 'UNKNOWN') DESC, number DESC
LIMIT 1;

-- matching_recipients --
-- Those of some addresses that are an email's own recipients, with their states; keeps them so until the transaction ends.
SELECT match, state
FROM sender.recipients
WHERE email_id = $1 AND match = ANY ($2) AND state <> 'SUPPRESSED'
ORDER BY position
FOR NO KEY UPDATE;

-- advance_recipients --
-- Moves recipients of an email to a state.
UPDATE sender.recipients AS r
SET state = $3, state_note = told.note, state_at = now()
FROM unnest($2::text[], $4::text[]) AS told (match, note)
WHERE r.email_id = $1 AND r.match = told.match;

-- strike --
-- Counts addresses of an email against its tenant, each once.
INSERT INTO sender.strikes (email_id, match, kind, tenant_id)
SELECT $1, match, $3, $4 FROM unnest($2::text[]) AS struck (match)
ON CONFLICT (email_id, match, kind) DO NOTHING;
