-- is_due --
-- Return whether any identity is due for a call to SES.
SELECT EXISTS (
    SELECT
    FROM identity.ses_identities
    WHERE account = :account AND region = :region AND due_at <= now() AND (leased_until IS NULL OR leased_until < now())
)

-- lease_due --
-- Lease one identity for one call: of the tenant whose last call is the oldest, the identity that has been due the
-- longest. Requests from before migration 0018 have no wanted_by; they use the tenants of the identity's claims.
WITH next AS (
    SELECT due.id, waiting.tenant_id
    FROM identity.ses_identities AS due
    LEFT JOIN LATERAL unnest(
        CASE WHEN due.wanted_by <> '{}' THEN due.wanted_by
        ELSE ARRAY(SELECT tenant_id FROM identity.claims WHERE ses_identity_id = due.id AND phase <> 'DELETED')
        END
    ) AS waiting (tenant_id) ON true
    LEFT JOIN identity.tenant_calls AS call
        ON call.account = due.account AND call.region = due.region AND call.tenant_id = waiting.tenant_id
    WHERE due.account = :account
        AND due.region = :region
        AND due.due_at <= now()
        AND (due.leased_until IS NULL OR due.leased_until < now())
    ORDER BY call.called_at NULLS FIRST, due.due_at
    LIMIT 1
    FOR UPDATE OF due SKIP LOCKED
), called AS (
    INSERT INTO identity.tenant_calls (account, region, tenant_id, called_at)
    SELECT :account, :region, tenant_id, clock_timestamp()
    FROM next
    WHERE tenant_id IS NOT NULL
    ON CONFLICT (account, region, tenant_id) DO UPDATE
    SET called_at = excluded.called_at
)
UPDATE identity.ses_identities AS identity
SET leased_until = now() + :lease, lease_token = identity.lease_token + 1
FROM next
WHERE identity.id = next.id
RETURNING identity.id, identity.account, identity.region, identity.name, identity.state, identity.generation,
    identity.mail_from_label, identity.attempts, identity.repair_cause, identity.lease_token,
    CASE
        WHEN identity.plan_lease_token = identity.lease_token - 1 AND identity.plan_generation = identity.generation
        THEN identity.plan
        ELSE '{}'
    END AS plan

-- plan_calls --
-- End a step and store the calls that remain; no row if another worker has the lease.
UPDATE identity.ses_identities
SET plan = :plan, plan_lease_token = :lease_token, plan_generation = :generation, due_at = now(), leased_until = NULL
WHERE id = :ses_identity_id AND lease_token = :lease_token
RETURNING id

-- record_presence --
-- Store what SES returned as soon as it is known, so that a crash does not create the identity again; no row if
-- another worker has the lease.
UPDATE identity.ses_identities
SET arn = :arn, tokens = :tokens, hosted_zone = :hosted_zone, updated_at = now()
WHERE id = :ses_identity_id AND lease_token = :lease_token
RETURNING id

-- mark_present --
-- Record that SES matches the desired state; no row if the desired state changed or another worker has the lease.
UPDATE identity.ses_identities
SET state = 'PRESENT',
    wanted_by = '{}',
    repair_cause = '',
    problem = '',
    attempts = 0,
    due_at = NULL,
    leased_until = NULL,
    updated_at = now()
WHERE id = :ses_identity_id AND lease_token = :lease_token AND generation = :generation AND state = 'WANTED'
RETURNING tokens, hosted_zone

-- mark_identity_absent --
-- Record that SES has no identity of ours with this name; no row if the desired state changed or another worker has
-- the lease.
UPDATE identity.ses_identities
SET state = 'ABSENT',
    arn = NULL,
    tokens = '{}',
    hosted_zone = NULL,
    wanted_by = '{}',
    repair_cause = '',
    problem = '',
    attempts = 0,
    due_at = NULL,
    leased_until = NULL,
    updated_at = now()
WHERE id = :ses_identity_id AND lease_token = :lease_token AND generation = :generation AND state = 'UNWANTED'
RETURNING id

-- release --
-- Release a lease; the identity is due again at once.
UPDATE identity.ses_identities
SET due_at = now(), leased_until = NULL
WHERE id = :ses_identity_id AND lease_token = :lease_token

-- record_error --
-- Release a lease after an error and schedule the retry, at once if the desired state changed.
UPDATE identity.ses_identities
SET problem = :message,
    attempts = attempts + 1,
    due_at = CASE WHEN generation = :generation THEN now() + :delay ELSE now() END,
    leased_until = NULL,
    updated_at = now()
WHERE id = :ses_identity_id AND lease_token = :lease_token
RETURNING id

-- explain_waiting_claims --
-- Show the error on the claims that wait for an identity.
UPDATE identity.claims
SET phase_note = :message, phase_reason = :reason, phase_parameters = :parameters
WHERE ses_identity_id = :ses_identity_id AND (phase = 'PROVISIONING' OR phase = 'DELETING' AND due_at IS NULL)

-- live_claims --
-- Return the live claims of an identity, each with the DKIM records that it shows.
SELECT
    claim.id, claim.tenant_id, claim.ses_identity_id, claim.region, claim.name, claim.mail_from_label,
    claim.phase, claim.generation, claim.revision, claim.ownership, claim.ownership_token,
    claim.ownership_deadline_at,
    ARRAY(
        SELECT record.name || ' ' || record.value
        FROM identity.records AS record
        WHERE record.claim_id = claim.id AND record.generation = claim.generation AND record.purpose = 'DKIM'
        ORDER BY record.ordinal
    ) AS dkim
FROM identity.claims AS claim
WHERE claim.ses_identity_id = :ses_identity_id AND claim.phase IN ('PROVISIONING', 'ACTIVE')
ORDER BY claim.id

-- renew_generation --
-- Start a new generation of a claim whose records changed.
UPDATE identity.claims
SET generation = generation + 1, revision = revision + 1, updated_at = now()
WHERE id = :claim_id
RETURNING generation

-- waiting_deletions --
-- Return the claims that wait for the deletion of an identity.
SELECT id
FROM identity.claims
WHERE ses_identity_id = :ses_identity_id AND phase = 'DELETING' AND due_at IS NULL
