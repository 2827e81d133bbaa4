-- unseen_claims --
-- List active claims whose current generation has no verification yet; new claims first.
SELECT claim.id AS claim_id, known.claim_id IS NOT NULL AS known
FROM identity.claims AS claim
LEFT JOIN verifier.verifications AS known ON known.claim_id = claim.id
WHERE claim.phase = 'ACTIVE'
    AND (known.claim_id IS NULL OR known.generation < claim.generation)
ORDER BY known.claim_id NULLS FIRST
LIMIT :limit

-- begin_verifications --
-- Insert verifications for claims without one, and the first entries of their history.
WITH inserted AS (
    INSERT INTO verifier.verifications (
        claim_id, generation, advisory_revision, tenant_id, name, account, region, state_note, state_reason, deadline_at,
        next_check_at
    )
    SELECT
        claim.id, claim.generation, claim.advisory_revision, claim.tenant_id, claim.name, claim.account, claim.region,
        :message, :reason, now() + :grace, now()
    FROM identity.claims AS claim
    WHERE claim.id = ANY (:claim_ids) AND claim.phase = 'ACTIVE'
    ON CONFLICT (claim_id) DO NOTHING
    RETURNING claim_id, generation, state, state_note, state_reason
)
INSERT INTO verifier.transitions (id, claim_id, generation, to_state, cause, reason)
SELECT fresh.id, inserted.claim_id, inserted.generation, inserted.state, inserted.state_note, inserted.state_reason
FROM inserted
JOIN unnest(:claim_ids::uuid[], :transition_ids::uuid[]) AS fresh (claim_id, id) USING (claim_id)
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
WHERE known.claim_id = :claim_id AND claim.phase = 'ACTIVE' AND known.generation < claim.generation
FOR UPDATE OF known

-- renew --
-- Move a verification to its claim's new generation; a new lease token invalidates checks of the old one.
UPDATE verifier.verifications
SET generation = :generation,
    state = :state,
    state_note = :message,
    state_reason = :reason,
    state_parameters = '{}',
    state_at = CASE WHEN state = :state THEN state_at ELSE now() END,
    deadline_at = :deadline_at,
    dkim_valid = :dkim_valid,
    mail_from_valid = NULL,
    failed_checks = 0,
    first_failed_at = NULL,
    checked_at = NULL,
    next_check_at = CASE WHEN :check_now THEN now() END,
    leased_until = NULL,
    lease_token = lease_token + 1,
    updated_at = now()
WHERE claim_id = :claim_id

-- delete_old_checks --
-- Delete the record checks of a claim's earlier generations.
DELETE FROM verifier.record_checks WHERE claim_id = :claim_id AND generation < :generation

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
    AND (known.next_check_at IS NULL OR known.next_check_at > now())
    AND (claim.ownership <> known.ownership OR proof.claim_id IS NULL)

-- due_prechecks --
-- List new claims whose DKIM tokens are known from SES but have not been checked in DNS yet.
SELECT claim.id AS claim_id, claim.name, identity.tokens
FROM identity.claims AS claim
JOIN identity.ses_identities AS identity ON identity.id = claim.ses_identity_id
LEFT JOIN verifier.dkim_prechecks AS known ON known.claim_id = claim.id AND known.tokens = identity.tokens
WHERE claim.ownership = 'UNDECIDED'
    AND claim.phase = 'PROVISIONING'
    AND identity.tokens <> '{}'
    AND known.claim_id IS NULL
    AND claim.id <> ALL (:besides)
ORDER BY claim.id
LIMIT :limit

-- save_precheck --
-- Store the precheck of a claim's DKIM records.
INSERT INTO verifier.dkim_prechecks AS known (claim_id, tokens, outcome)
VALUES (:claim_id, :tokens, :outcome)
ON CONFLICT (claim_id) DO UPDATE
SET tokens = excluded.tokens, outcome = excluded.outcome, checked_at = now()
WHERE known.tokens <> excluded.tokens

-- delete_old_prechecks --
-- Delete the prechecks of claims whose ownership is decided, or that are deleted or being deleted.
DELETE FROM verifier.dkim_prechecks AS known
USING identity.claims AS claim
WHERE claim.id = known.claim_id AND (claim.ownership <> 'UNDECIDED' OR claim.phase IN ('DELETING', 'DELETED'))
