-- lease_due --
-- Lease DELETING claims that are due, which may still have open attempts.
UPDATE identity.claims AS claim
SET leased_until = now() + $3
FROM (
    SELECT id
    FROM identity.claims
    WHERE account = $1 AND region = $2 AND due_at <= now() AND (leased_until IS NULL OR leased_until < now())
    ORDER BY due_at
    LIMIT $4
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
WHERE claim_id = $1 AND state = 'OPEN'

-- wait_for_attempts --
-- Release the lease and schedule the next check of a claim.
UPDATE identity.claims
SET phase_note = $2, due_at = now() + $3, leased_until = NULL
WHERE id = $1 AND phase = 'DELETING'

-- is_shared --
-- Return whether an identity serves another claim that is not DELETED.
SELECT EXISTS (
    SELECT
    FROM identity.claims
    WHERE ses_identity_id = $1 AND id <> $2 AND phase <> 'DELETED'
)

-- wait_for_identity --
-- Make a claim wait for the deletion of its identity.
UPDATE identity.claims
SET phase_note = '', due_at = NULL, leased_until = NULL
WHERE id = $1 AND phase = 'DELETING'
RETURNING id

-- request_identity_deletion --
-- Request the deletion of an SES identity.
UPDATE identity.ses_identities
SET state = 'UNWANTED', generation = generation + 1, wanted_by = ARRAY[$2::uuid], due_at = now(), updated_at = now()
WHERE id = $1
