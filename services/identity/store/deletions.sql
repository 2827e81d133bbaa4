-- lease_due --
-- Lease DELETING claims that are due, which may still have open attempts.
UPDATE identity.claims AS claim
SET leased_until = now() + :lease
FROM (
    SELECT id
    FROM identity.claims
    WHERE account = :account AND region = :region AND due_at <= now() AND (leased_until IS NULL OR leased_until < now())
    ORDER BY due_at
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
) AS due
WHERE claim.id = due.id
RETURNING claim.id, claim.tenant_id, claim.ses_identity_id, claim.region, claim.name, claim.mail_from_label,
    claim.phase, claim.generation, claim.revision, claim.ownership, claim.ownership_token,
    claim.ownership_deadline_at

-- count_open_attempts --
-- Count the open attempts under a claim.
SELECT count(*)
FROM sender.attempts
WHERE claim_id = :claim_id AND state = 'OPEN'

-- wait_for_attempts --
-- Release the lease and schedule the next check of a claim.
UPDATE identity.claims
SET phase_note = :message, phase_reason = :reason, phase_parameters = :parameters, due_at = now() + :delay,
    leased_until = NULL
WHERE id = :claim_id AND phase = 'DELETING'

-- is_shared --
-- Return whether an identity serves another claim that is not DELETED.
SELECT EXISTS (
    SELECT
    FROM identity.claims
    WHERE ses_identity_id = :ses_identity_id AND id <> :claim_id AND phase <> 'DELETED'
)

-- wait_for_identity --
-- Make a claim wait for the deletion of its identity.
UPDATE identity.claims
SET phase_note = '', phase_reason = '', phase_parameters = '{}', due_at = NULL, leased_until = NULL
WHERE id = :claim_id AND phase = 'DELETING'
RETURNING id

-- request_identity_deletion --
-- Request the deletion of an SES identity.
UPDATE identity.ses_identities
SET state = 'UNWANTED',
    generation = generation + 1,
    wanted_by = ARRAY[:tenant_id::uuid],
    due_at = now(),
    updated_at = now()
WHERE id = :ses_identity_id
