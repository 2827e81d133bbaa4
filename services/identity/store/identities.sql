-- claim_due --
-- Leases identities that are due, most overdue first, under a new fence.
UPDATE identity.ses_identities AS identity
SET leased_until = now() + $3, fence = identity.fence + 1, attempts = identity.attempts + 1
FROM (
    SELECT id
    FROM identity.ses_identities
    WHERE account = $1 AND region = $2 AND due_at <= now() AND (leased_until IS NULL OR leased_until < now())
    ORDER BY due_at
    LIMIT $4
    FOR UPDATE SKIP LOCKED
) AS due
WHERE identity.id = due.id
RETURNING identity.id, identity.account, identity.region, identity.name, identity.state, identity.generation,
    identity.mail_from_label, identity.attempts, identity.arn IS NOT NULL AS known, identity.repair_cause, identity.fence

-- renew_lease --
-- Keeps a lease; no row: another worker has it now.
UPDATE identity.ses_identities
SET leased_until = now() + $3
WHERE id = $1 AND fence = $2
RETURNING id

-- record_presence --
-- Notes that SES has the identity, as soon as it is known, and keeps the lease.
UPDATE identity.ses_identities
SET arn = $3, tokens = $4, hosted_zone = $5, leased_until = now() + $6, updated_at = now()
WHERE id = $1 AND fence = $2
RETURNING id

-- settle_present --
-- Notes that SES is as wanted; no row: something else is wanted by now, or another worker has the lease.
UPDATE identity.ses_identities
SET state = 'PRESENT',
    tokens = $4,
    hosted_zone = $5,
    repair_cause = '',
    problem = '',
    attempts = 0,
    due_at = NULL,
    leased_until = NULL,
    updated_at = now()
WHERE id = $1 AND fence = $2 AND generation = $3 AND state = 'WANTED'
RETURNING id

-- settle_absent --
-- Notes that SES has nothing of ours under the name; no row: as above.
UPDATE identity.ses_identities
SET state = 'ABSENT',
    arn = NULL,
    tokens = '{}',
    hosted_zone = NULL,
    repair_cause = '',
    problem = '',
    attempts = 0,
    due_at = NULL,
    leased_until = NULL,
    updated_at = now()
WHERE id = $1 AND fence = $2 AND generation = $3 AND state = 'UNWANTED'
RETURNING id

-- release --
-- Gives a lease back, to be claimed again at once.
UPDATE identity.ses_identities
SET due_at = now(), leased_until = NULL
WHERE id = $1 AND fence = $2

-- postpone --
-- Gives a lease back before anything was asked of SES.
UPDATE identity.ses_identities
SET due_at = now() + $3, leased_until = NULL, attempts = attempts - 1
WHERE id = $1 AND fence = $2

-- record_trouble --
-- Gives a lease back for a later try, and says why; at once where something else is wanted by now.
UPDATE identity.ses_identities
SET problem = $4,
    due_at = CASE WHEN generation = $3 THEN now() + $5 ELSE now() END,
    leased_until = NULL,
    updated_at = now()
WHERE id = $1 AND fence = $2
RETURNING id

-- note_waiting_claims --
-- Tells the claims that wait for an identity what it waits for.
UPDATE identity.claims
SET phase_note = $2
WHERE ses_identity_id = $1 AND (phase = 'PROVISIONING' OR phase = 'DELETING' AND due_at IS NULL)

-- live_claims --
-- The claims that an identity serves, with the DKIM records that each shows.
SELECT
    claim.id, claim.tenant_id, claim.ses_identity_id, claim.region, claim.name, claim.mail_from_label,
    claim.phase, claim.holder, claim.generation, claim.revision,
    ARRAY(
        SELECT record.name || ' ' || record.value
        FROM identity.records AS record
        WHERE record.claim_id = claim.id AND record.generation = claim.generation AND record.purpose = 'DKIM'
        ORDER BY record.ordinal
    ) AS dkim
FROM identity.claims AS claim
WHERE claim.ses_identity_id = $1 AND claim.phase IN ('PROVISIONING', 'ACTIVE')
ORDER BY claim.id

-- renew_generation --
-- Begins a new generation of a claim whose records changed.
UPDATE identity.claims
SET generation = generation + 1, revision = revision + 1, updated_at = now()
WHERE id = $1
RETURNING generation

-- waiting_deletions --
-- The claims that go with an identity.
SELECT id
FROM identity.claims
WHERE ses_identity_id = $1 AND phase = 'DELETING' AND due_at IS NULL
