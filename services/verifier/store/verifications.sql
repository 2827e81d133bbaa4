-- unseen_claims --
-- Finds active claims whose present generation has no verification yet; new ones first.
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
-- Begins the verification of claims that have none, and notes that in their history.
WITH begun AS (
    INSERT INTO verifier.verifications (
        claim_id, generation, tenant_id, name, account, region, state_note, deadline_at, next_look_at
    )
    SELECT
        claim.id, claim.generation, claim.tenant_id, claim.name, claim.account, claim.region, $3, now() + $4, now()
    FROM identity.claims AS claim
    WHERE claim.id = ANY ($1) AND claim.phase = 'ACTIVE'
    ON CONFLICT (claim_id) DO NOTHING
    RETURNING claim_id, generation, state, state_note
)
INSERT INTO verifier.transitions (id, claim_id, generation, to_state, cause)
SELECT fresh.id, begun.claim_id, begun.generation, begun.state, begun.state_note
FROM begun
JOIN unnest($1::uuid[], $2::uuid[]) AS fresh (claim_id, id) USING (claim_id)
RETURNING claim_id

-- end_verifications --
-- Forgets what was seen of claims that are going or gone; their history stays.
DELETE FROM verifier.verifications AS known
USING identity.claims AS claim
WHERE claim.id = known.claim_id AND claim.phase IN ('DELETING', 'DELETED')

-- lock_renewal --
-- Locks a verification of an older generation than its claim's, with the tokens of both.
SELECT
    known.claim_id, known.tenant_id, known.name, known.state, known.deadline_at, known.dkim_good, known.mail_from_good,
    known.negative_looks, known.first_negative_at, known.ses_tokens, claim.generation, claim.ownership, now() AS now,
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
-- Moves a verification to its claim's new generation; what is under way for the old one is fenced off.
UPDATE verifier.verifications
SET generation = $2,
    state = $3,
    state_note = $4,
    state_at = CASE WHEN state = $3 THEN state_at ELSE now() END,
    deadline_at = $5,
    dkim_good = $6,
    mail_from_good = NULL,
    negative_looks = 0,
    first_negative_at = NULL,
    looked_at = NULL,
    next_look_at = CASE WHEN $7 THEN now() END,
    leased_until = NULL,
    fence = fence + 1,
    updated_at = now()
WHERE claim_id = $1

-- forget_looks --
-- Forgets what was seen of a claim's records in earlier generations.
DELETE FROM verifier.looks WHERE claim_id = $1 AND generation < $2

-- claim_looks --
-- Leases verifications that are due for a look at DNS, the most overdue first; watched ones, or the others.
UPDATE verifier.verifications
SET leased_until = now() + $4, fence = fence + 1
WHERE claim_id IN (
    SELECT claim_id
    FROM verifier.verifications
    WHERE next_look_at <= now()
        AND (leased_until IS NULL OR leased_until <= now())
        AND account = $1
        AND region = $2
        AND coalesce(watched_until > now(), false) = $5
    ORDER BY next_look_at
    LIMIT $3
    FOR UPDATE SKIP LOCKED
)
RETURNING claim_id, generation, fence

-- records_of --
-- Reads the records of a claim's generation, in the order they are shown.
SELECT record.position, record.purpose, record.type, record.name, record.value, record.priority, record.required,
    claim.name AS domain
FROM identity.records AS record
JOIN identity.claims AS claim ON claim.id = record.claim_id
WHERE record.claim_id = $1 AND record.generation = $2
ORDER BY record.position

-- token_due --
-- The token of a claim whose place in DNS somebody's ownership depends on.
SELECT token.token, token.name
FROM verifier.due_tokens AS token
JOIN identity.claims AS claim ON claim.id = token.claim_id
WHERE token.claim_id = $1 AND claim.generation = $2

-- lock_case --
-- Locks a verification and reads all that a decision needs; no row when the generation has passed, the claim is
-- going, or another worker has it (a NULL fence asks for none).
SELECT
    known.claim_id, known.tenant_id, known.name, known.generation, known.state, known.state_note, known.deadline_at,
    known.dkim_good, known.mail_from_good, known.negative_looks, known.first_negative_at,
    known.ses_verification_status, known.ses_dkim_status, known.ses_mail_from_status, known.ses_mail_from_domain,
    known.ses_verified_for_sending, known.ses_error_type, known.ses_tokens, known.ses_looked_at, known.ses_due_at,
    known.repairs, known.repair_due_at,
    coalesce(known.watched_until > now(), false) AS watched,
    claim.ownership, claim.mail_from_label, coalesce(due.token, '') AS token,
    -- A claim that ended while another tenant has one must prove itself first, which identity demands in a moment.
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
    AND ($3::bigint IS NULL OR known.fence = $3)
FOR UPDATE OF known

-- looks_of --
-- Reads what was last seen of a claim's records.
SELECT record.position, record.purpose, record.required, look.verdict, look.hint, look.seen, look.servers_agreeing,
    look.servers_asked, look.zone, look.servers
FROM identity.records AS record
JOIN verifier.looks AS look USING (claim_id, generation, position)
WHERE record.claim_id = $1 AND record.generation = $2
ORDER BY record.position

-- fence_claim --
-- Waits until no sender is between reading the claim's state and opening an attempt.
SELECT pg_advisory_xact_lock(chassis.fence($1))

-- save_looks --
-- Stores what was seen of each record of a claim.
INSERT INTO verifier.looks (
    claim_id, generation, position, verdict, hint, seen, servers_agreeing, servers_asked, zone, servers, looked_at
)
SELECT $1, $2, look.position, look.verdict, look.hint,
    array(SELECT jsonb_array_elements_text(look.seen::jsonb)), look.servers_agreeing, look.servers_asked, look.zone,
    array(SELECT jsonb_array_elements_text(look.servers::jsonb)), now()
FROM unnest($3::integer[], $4::text[], $5::text[], $6::text[], $7::integer[], $8::integer[], $9::text[], $10::text[])
    AS look (position, verdict, hint, seen, servers_agreeing, servers_asked, zone, servers)
ON CONFLICT (claim_id, generation, position) DO UPDATE
SET verdict = excluded.verdict,
    hint = excluded.hint,
    seen = excluded.seen,
    servers_agreeing = excluded.servers_agreeing,
    servers_asked = excluded.servers_asked,
    zone = excluded.zone,
    servers = excluded.servers,
    looked_at = excluded.looked_at

-- save_ownership_check --
-- Stores what was seen of a claim's ownership token.
INSERT INTO verifier.ownership_checks AS known (
    claim_id, token, status, hint, seen, servers_agreeing, servers_asked, zone, servers, missing_checks, missing_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (claim_id) DO UPDATE
SET token = excluded.token,
    status = excluded.status,
    hint = excluded.hint,
    seen = excluded.seen,
    servers_agreeing = excluded.servers_agreeing,
    servers_asked = excluded.servers_asked,
    zone = excluded.zone,
    servers = excluded.servers,
    missing_checks = excluded.missing_checks,
    missing_at = excluded.missing_at,
    checked_at = now()

-- due_prechecks --
-- Finds new claims whose DKIM tokens SES has named, and which were not looked for in DNS yet.
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
-- Stores what DNS said of a claim's DKIM records before they were shown.
INSERT INTO verifier.dkim_prechecks AS known (claim_id, tokens, outcome)
VALUES ($1, $2, $3)
ON CONFLICT (claim_id) DO UPDATE
SET tokens = excluded.tokens, outcome = excluded.outcome, checked_at = now()
WHERE known.tokens <> excluded.tokens

-- forget_prechecks --
-- Forgets what was seen for claims that are decided, going or gone.
DELETE FROM verifier.dkim_prechecks AS known
USING identity.claims AS claim
WHERE claim.id = known.claim_id AND (claim.ownership <> 'UNDECIDED' OR claim.phase IN ('DELETING', 'DELETED'))

-- hurry_owners --
-- Has claims looked at now whose ownership or token is another than at their last look.
UPDATE verifier.verifications AS known
SET next_look_at = now()
FROM identity.claims AS claim
LEFT JOIN verifier.ownership_checks AS proof
    ON proof.claim_id = claim.id AND proof.token = claim.ownership_token
WHERE claim.id = known.claim_id
    AND claim.generation = known.generation
    AND claim.ownership IN ('PROOF_DUE', 'CHALLENGER', 'CHALLENGED')
    AND claim.phase = 'ACTIVE'
    AND known.account = $1
    AND known.region = $2
    AND (known.next_look_at IS NULL OR known.next_look_at > now())
    AND (claim.ownership <> known.ownership OR proof.claim_id IS NULL)

-- save_decision --
-- Stores what a look decided; guarded by the state that it was decided from, and by what the claim is by now.
UPDATE verifier.verifications
SET state = $4,
    state_note = $5,
    state_at = CASE WHEN state = $4 THEN state_at ELSE now() END,
    deadline_at = $6,
    dkim_good = $7,
    mail_from_good = $8,
    negative_looks = $9,
    first_negative_at = $10,
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

-- end_look --
-- Gives back the lease of a look and sets the next one.
UPDATE verifier.verifications
SET looks = looks + 1,
    looked_at = now(),
    next_look_at = $2,
    dkim_found_at = CASE WHEN $3 THEN coalesce(dkim_found_at, now()) ELSE dkim_found_at END,
    ownership = $4,
    leased_until = NULL
WHERE claim_id = $1

-- look_again --
-- Has a domain looked at again at once.
UPDATE verifier.verifications
SET next_look_at = now(), leased_until = NULL
WHERE claim_id = $1

-- save_ses_look --
-- Stores what SES said.
UPDATE verifier.verifications
SET ses_verification_status = $2,
    ses_dkim_status = $3,
    ses_mail_from_status = $4,
    ses_mail_from_domain = $5,
    ses_verified_for_sending = $6,
    ses_error_type = $7,
    ses_tokens = $8,
    ses_looked_at = now(),
    next_look_at = least(next_look_at, $9)
WHERE claim_id = $1

-- add_transition --
-- Adds to a claim's history.
INSERT INTO verifier.transitions (id, claim_id, generation, from_state, to_state, cause)
VALUES ($1, $2, $3, $4, $5, $6)

-- tell_watchers --
-- Wakes those who watch a domain, when the transaction commits.
SELECT pg_notify('verifier_changes', '')
