-- unseen_claims --
-- List active claims whose current generation has no verification yet; new claims first.
SELECT claim.id AS claim_id, known.claim_id IS NOT NULL AS known
FROM identity.claims AS claim
LEFT JOIN verifier.verifications AS known ON known.claim_id = claim.id
WHERE claim.phase = 'ACTIVE'
    AND claim.account = $1
    AND claim.region = $2
    AND (known.claim_id IS NULL OR known.generation < claim.generation)
ORDER BY known.claim_id NULLS FIRST
LIMIT $3

-- begin_verifications --
-- Insert verifications for claims without one, and the first entries of their history.
WITH inserted AS (
    INSERT INTO verifier.verifications (
        claim_id, generation, tenant_id, name, account, region, state_note, deadline_at, next_check_at
    )
    SELECT
        claim.id, claim.generation, claim.tenant_id, claim.name, claim.account, claim.region, $3, now() + $4, now()
    FROM identity.claims AS claim
    WHERE claim.id = ANY ($1) AND claim.phase = 'ACTIVE'
    ON CONFLICT (claim_id) DO NOTHING
    RETURNING claim_id, generation, state, state_note
)
INSERT INTO verifier.transitions (id, claim_id, generation, to_state, cause)
SELECT fresh.id, inserted.claim_id, inserted.generation, inserted.state, inserted.state_note
FROM inserted
JOIN unnest($1::uuid[], $2::uuid[]) AS fresh (claim_id, id) USING (claim_id)
RETURNING claim_id

-- end_verifications --
-- Delete the verifications of claims that are deleted or being deleted; their history stays.
DELETE FROM verifier.verifications AS known
USING identity.claims AS claim
WHERE claim.id = known.claim_id AND claim.phase IN ('DELETING', 'DELETED')

-- lock_renewal --
-- Lock a verification whose generation is older than its claim's; return the tokens of both.
SELECT
    known.claim_id, known.tenant_id, known.name, known.state, known.deadline_at, known.dkim_valid, known.mail_from_valid,
    known.failed_checks, known.first_failed_at, known.ses_tokens, claim.generation, claim.ownership, now() AS now,
    array(
        SELECT split_part(record.name, '.', 1)
        FROM identity.records AS record
        WHERE record.claim_id = claim.id AND record.generation = claim.generation AND record.purpose = 'DKIM'
    ) AS tokens
FROM verifier.verifications AS known
JOIN identity.claims AS claim ON claim.id = known.claim_id
WHERE known.claim_id = $1 AND claim.phase = 'ACTIVE' AND known.generation < claim.generation
FOR UPDATE OF known

-- renew --
-- Move a verification to its claim's new generation; a new lease token invalidates checks of the old one.
UPDATE verifier.verifications
SET generation = $2,
    state = $3,
    state_note = $4,
    state_at = CASE WHEN state = $3 THEN state_at ELSE now() END,
    deadline_at = $5,
    dkim_valid = $6,
    mail_from_valid = NULL,
    failed_checks = 0,
    first_failed_at = NULL,
    checked_at = NULL,
    next_check_at = CASE WHEN $7 THEN now() END,
    leased_until = NULL,
    lease_token = lease_token + 1,
    updated_at = now()
WHERE claim_id = $1

-- delete_old_checks --
-- Delete the record checks of a claim's earlier generations.
DELETE FROM verifier.record_checks WHERE claim_id = $1 AND generation < $2

-- lease_checks --
-- Lease verifications due for a DNS check, the most overdue first; either watched ones or the others.
UPDATE verifier.verifications
SET leased_until = now() + $4, lease_token = lease_token + 1
WHERE claim_id IN (
    SELECT claim_id
    FROM verifier.verifications
    WHERE next_check_at <= now()
        AND (leased_until IS NULL OR leased_until <= now())
        AND account = $1
        AND region = $2
        AND coalesce(watched_until > now(), false) = $5
    ORDER BY next_check_at
    LIMIT $3
    FOR UPDATE SKIP LOCKED
)
RETURNING claim_id, generation, lease_token

-- records_of --
-- List the records of a claim's generation, in the order they are shown.
SELECT record.position, record.purpose, record.type, record.name, record.value, record.priority, record.required,
    claim.name AS domain
FROM identity.records AS record
JOIN identity.claims AS claim ON claim.id = record.claim_id
WHERE record.claim_id = $1 AND record.generation = $2
ORDER BY record.position

-- token_due --
-- Return the claim's ownership token if a tenant's ownership depends on whether it is in DNS.
SELECT token.token, token.name
FROM verifier.due_tokens AS token
JOIN identity.claims AS claim ON claim.id = token.claim_id
WHERE token.claim_id = $1 AND claim.generation = $2

-- lock_case --
-- Lock a verification and read everything that a decision needs. Returns no row when the generation is outdated,
-- the claim is being deleted or the lease token is not current (a NULL token skips that test).
SELECT
    known.claim_id, known.tenant_id, known.name, known.generation, known.state, known.state_note, known.deadline_at,
    known.dkim_valid, known.mail_from_valid, known.failed_checks, known.first_failed_at,
    known.ses_verification_status, known.ses_dkim_status, known.ses_mail_from_status, known.ses_mail_from_domain,
    known.ses_verified_for_sending, known.ses_error_type, known.ses_tokens, known.ses_checked_at, known.ses_due_at,
    known.repairs, known.repair_due_at,
    coalesce(known.watched_until > now(), false) AS watched,
    claim.ownership, claim.mail_from_label, coalesce(due.token, '') AS token,
    -- A FAILED or LOST claim with a rival must prove ownership first; identity is about to require that.
    known.state IN ('FAILED', 'LOST') AND claim.ownership = 'SOLE' AND EXISTS (
        SELECT
        FROM identity.claims AS rival
        WHERE rival.name = claim.name
            AND rival.tenant_id <> claim.tenant_id
            AND rival.ownership <> 'SUPERSEDED'
            AND rival.phase IN ('PROVISIONING', 'ACTIVE')
    ) AS revival_disputed,
    coalesce(proof.missing_checks, 0) AS missing_checks, proof.missing_at,
    identity.tokens, identity.state = 'PRESENT' AS settled,
    now() AS now
FROM verifier.verifications AS known
JOIN identity.claims AS claim ON claim.id = known.claim_id AND claim.generation = known.generation
JOIN identity.ses_identities AS identity ON identity.id = claim.ses_identity_id
LEFT JOIN verifier.due_tokens AS due ON due.claim_id = known.claim_id
LEFT JOIN verifier.ownership_checks AS proof ON proof.claim_id = known.claim_id AND proof.token = due.token
WHERE known.claim_id = $1
    AND known.generation = $2
    AND claim.phase = 'ACTIVE'
    AND ($3::bigint IS NULL OR known.lease_token = $3)
FOR UPDATE OF known

-- checks_of --
-- List the last checks of a claim's records.
SELECT record.position, record.purpose, record.required, checked.status, checked.message, checked.seen, checked.servers_agreeing,
    checked.servers_asked, checked.zone, checked.servers
FROM identity.records AS record
JOIN verifier.record_checks AS checked USING (claim_id, generation, position)
WHERE record.claim_id = $1 AND record.generation = $2
ORDER BY record.position

-- lock_claim --
-- Take the claim lock, which waits until no sender is between reading the claim's state and starting an attempt.
SELECT pg_advisory_xact_lock(chassis.claim_lock($1))

-- save_checks --
-- Store the check of each record of a claim.
INSERT INTO verifier.record_checks (
    claim_id, generation, position, status, message, seen, servers_agreeing, servers_asked, zone, servers, checked_at
)
SELECT $1, $2, checked.position, checked.status, checked.message,
    array(SELECT jsonb_array_elements_text(checked.seen::jsonb)), checked.servers_agreeing, checked.servers_asked, checked.zone,
    array(SELECT jsonb_array_elements_text(checked.servers::jsonb)), now()
FROM unnest($3::integer[], $4::text[], $5::text[], $6::text[], $7::integer[], $8::integer[], $9::text[], $10::text[])
    AS checked (position, status, message, seen, servers_agreeing, servers_asked, zone, servers)
ON CONFLICT (claim_id, generation, position) DO UPDATE
SET status = excluded.status,
    message = excluded.message,
    seen = excluded.seen,
    servers_agreeing = excluded.servers_agreeing,
    servers_asked = excluded.servers_asked,
    zone = excluded.zone,
    servers = excluded.servers,
    checked_at = excluded.checked_at

-- save_ownership_check --
-- Store the check of a claim's ownership token.
INSERT INTO verifier.ownership_checks AS known (
    claim_id, token, status, message, seen, servers_agreeing, servers_asked, zone, servers, missing_checks, missing_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (claim_id) DO UPDATE
SET token = excluded.token,
    status = excluded.status,
    message = excluded.message,
    seen = excluded.seen,
    servers_agreeing = excluded.servers_agreeing,
    servers_asked = excluded.servers_asked,
    zone = excluded.zone,
    servers = excluded.servers,
    missing_checks = excluded.missing_checks,
    missing_at = excluded.missing_at,
    checked_at = now()

-- due_prechecks --
-- List new claims whose DKIM tokens are known from SES but have not been checked in DNS yet.
SELECT claim.id AS claim_id, claim.name, identity.tokens
FROM identity.claims AS claim
JOIN identity.ses_identities AS identity ON identity.id = claim.ses_identity_id
LEFT JOIN verifier.dkim_prechecks AS known ON known.claim_id = claim.id AND known.tokens = identity.tokens
WHERE claim.ownership = 'UNDECIDED'
    AND claim.phase = 'PROVISIONING'
    AND claim.account = $1
    AND claim.region = $2
    AND identity.tokens <> '{}'
    AND known.claim_id IS NULL
ORDER BY claim.id
LIMIT $3

-- save_precheck --
-- Store the precheck of a claim's DKIM records.
INSERT INTO verifier.dkim_prechecks AS known (claim_id, tokens, outcome)
VALUES ($1, $2, $3)
ON CONFLICT (claim_id) DO UPDATE
SET tokens = excluded.tokens, outcome = excluded.outcome, checked_at = now()
WHERE known.tokens <> excluded.tokens

-- delete_old_prechecks --
-- Delete the prechecks of claims whose ownership is decided, or that are deleted or being deleted.
DELETE FROM verifier.dkim_prechecks AS known
USING identity.claims AS claim
WHERE claim.id = known.claim_id AND (claim.ownership <> 'UNDECIDED' OR claim.phase IN ('DELETING', 'DELETED'))

-- check_owners_soon --
-- Make the DNS check due for claims whose ownership or token has changed since their last check.
UPDATE verifier.verifications AS known
SET next_check_at = now()
FROM identity.claims AS claim
LEFT JOIN verifier.ownership_checks AS proof
    ON proof.claim_id = claim.id AND proof.token = claim.ownership_token
WHERE claim.id = known.claim_id
    AND claim.generation = known.generation
    AND claim.ownership IN ('PROOF_DUE', 'CHALLENGER', 'CHALLENGED')
    AND claim.phase = 'ACTIVE'
    AND known.account = $1
    AND known.region = $2
    AND (known.next_check_at IS NULL OR known.next_check_at > now())
    AND (claim.ownership <> known.ownership OR proof.claim_id IS NULL)

-- save_decision --
-- Store a decision, provided that the state it was based on and the claim are unchanged.
UPDATE verifier.verifications
SET state = $4,
    state_note = $5,
    state_at = CASE WHEN state = $4 THEN state_at ELSE now() END,
    deadline_at = $6,
    dkim_valid = $7,
    mail_from_valid = $8,
    failed_checks = $9,
    first_failed_at = $10,
    ses_due_at = $11,
    repairs = $12,
    repair_due_at = $13,
    updated_at = now()
WHERE claim_id = $1 AND generation = $2 AND state = $3
    AND EXISTS (
        SELECT
        FROM identity.claims AS claim
        WHERE claim.id = $1 AND claim.generation = $2 AND claim.ownership = $14 AND claim.phase = 'ACTIVE'
    )
RETURNING claim_id

-- end_check --
-- Release the lease of a DNS check and schedule the next one.
UPDATE verifier.verifications
SET checks = checks + 1,
    checked_at = now(),
    next_check_at = $2,
    dkim_found_at = CASE WHEN $3 THEN coalesce(dkim_found_at, now()) ELSE dkim_found_at END,
    ownership = $4,
    leased_until = NULL
WHERE claim_id = $1

-- check_again --
-- Make a domain's DNS check due now, unless its verification was renewed since.
UPDATE verifier.verifications
SET next_check_at = now(), leased_until = NULL
WHERE claim_id = $1 AND generation = $2

-- save_ses_check --
-- Store a response from SES.
UPDATE verifier.verifications
SET ses_verification_status = $2,
    ses_dkim_status = $3,
    ses_mail_from_status = $4,
    ses_mail_from_domain = $5,
    ses_verified_for_sending = $6,
    ses_error_type = $7,
    ses_tokens = $8,
    ses_checked_at = now(),
    next_check_at = least(next_check_at, $9)
WHERE claim_id = $1

-- add_transition --
-- Add a change of state to a claim's history.
INSERT INTO verifier.transitions (id, claim_id, generation, from_state, to_state, cause)
VALUES ($1, $2, $3, $4, $5, $6)

-- notify_watchers --
-- Notify the WatchDomain streams when the transaction commits.
SELECT pg_notify('verifier_changes', '')
