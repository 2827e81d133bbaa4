-- get_verification --
-- Reads a domain with what is known of it, whatever its phase; of one tenant ($2) and some domains ($3) or, with NULL, of any.
SELECT
    domain.id, domain.tenant_id, domain.name, domain.generation, domain.ownership, domain.ownership_deadline_at,
    domain.state, domain.state_note, domain.state_at,
    known.deadline_at, known.looked_at, known.next_look_at, known.ses_verification_status, known.ses_dkim_status,
    known.ses_mail_from_status, known.ses_verified_for_sending, known.ses_error_type, known.ses_looked_at
FROM identity.domains AS domain
LEFT JOIN verifier.verifications AS known ON known.claim_id = domain.id AND known.generation = domain.generation
WHERE domain.id = $1
    AND ($2::uuid IS NULL OR domain.tenant_id = $2)
    AND ($3::uuid[] IS NULL OR domain.id = ANY ($3))

-- get_proof --
-- Reads the token that a domain is to publish, with what was last seen of it; no row: it has none. Of one tenant ($2) and some domains ($3) or, with NULL, of any.
SELECT
    domain.name, domain.ownership_token AS token, proof.status AS verdict, proof.hint, proof.seen,
    proof.servers_agreeing, proof.servers_asked, proof.zone, proof.servers, proof.checked_at AS looked_at
FROM identity.domains AS domain
LEFT JOIN verifier.ownership_checks AS proof
    ON proof.claim_id = domain.id AND proof.token = domain.ownership_token
WHERE domain.id = $1
    AND domain.ownership_token <> ''
    AND ($2::uuid IS NULL OR domain.tenant_id = $2)
    AND ($3::uuid[] IS NULL OR domain.id = ANY ($3))

-- get_checks --
-- Reads the records of a domain with what was last seen of each; of one tenant ($3) and some domains ($4) or, with NULL, of any.
SELECT
    record.purpose, record.ordinal, record.type, record.name, record.value, record.priority, record.ttl,
    record.required, look.verdict, look.hint, look.seen, look.servers_agreeing, look.servers_asked, look.zone,
    look.servers, look.looked_at
FROM identity.records AS record
LEFT JOIN verifier.looks AS look USING (claim_id, generation, position)
WHERE record.claim_id = $1
    AND record.generation = $2
    AND ($3::uuid IS NULL OR EXISTS (SELECT FROM identity.claims WHERE id = $1 AND tenant_id = $3))
    AND ($4::uuid[] IS NULL OR record.claim_id = ANY ($4))
ORDER BY record.position

-- mark_due --
-- Has a domain looked at now; FAILED and LOST are given their time again. Of one tenant ($3) and some domains ($4) or, with NULL, of any.
UPDATE verifier.verifications
SET next_look_at = now(),
    deadline_at = CASE WHEN state IN ('FAILED', 'LOST') THEN now() + $2 ELSE deadline_at END,
    repairs = 0,
    repair_due_at = NULL
WHERE claim_id = $1 AND ($3::uuid IS NULL OR tenant_id = $3) AND ($4::uuid[] IS NULL OR claim_id = ANY ($4))
RETURNING claim_id

-- mark_watched --
-- Keeps a domain watched; what begins to be watched is looked at now. Of one tenant ($3) and some domains ($4) or, with NULL, of any.
UPDATE verifier.verifications
SET watched_until = now() + $2::interval,
    next_look_at = CASE
        WHEN watched_until > now() OR next_look_at IS NULL THEN next_look_at
        ELSE least(next_look_at, now())
    END
WHERE claim_id = $1
    AND (watched_until IS NULL OR watched_until < now() + $2::interval / 2)
    AND ($3::uuid IS NULL OR tenant_id = $3)
    AND ($4::uuid[] IS NULL OR claim_id = ANY ($4))

-- list_transitions --
-- Reads a page of a domain's history, newest first; of one tenant ($4) and some domains ($5) or, with NULL, of any.
SELECT id, from_state, to_state, cause, generation, created_at
FROM verifier.transitions
WHERE claim_id = $1
    AND ($2::uuid IS NULL OR id < $2)
    AND ($4::uuid IS NULL OR EXISTS (SELECT FROM identity.claims AS c WHERE c.id = $1 AND c.tenant_id = $4))
    AND ($5::uuid[] IS NULL OR claim_id = ANY ($5))
ORDER BY id DESC
LIMIT $3

-- list_accounts --
-- Reads the SES account in each region. Its number, its volume, its rate and the note, which may quote AWS, are for operators ($1).
SELECT
    CASE WHEN $1 THEN account ELSE '' END AS account,
    region,
    state,
    CASE WHEN $1 THEN state_note ELSE '' END AS state_note,
    CASE WHEN $1 THEN max_send_rate ELSE 0 END AS max_send_rate,
    CASE WHEN $1 THEN max_24_hour_send ELSE 0 END AS max_24_hour_send,
    CASE WHEN $1 THEN sent_last_24_hours ELSE 0 END AS sent_last_24_hours,
    looked_at
FROM verifier.ses_account
ORDER BY ses_account.region, ses_account.account
