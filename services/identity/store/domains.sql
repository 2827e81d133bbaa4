-- count_domains --
-- Count a tenant's live domains, and those of them that are not ready yet.
SELECT
    count(*) AS live,
    count(*) FILTER (WHERE state IN ('PROVISIONING', 'PENDING', 'FAILED')) AS pending
FROM identity.domains
WHERE tenant_id = :tenant_id AND state NOT IN ('DELETING', 'DELETED')

-- find_collision --
-- Find another live domain of the tenant whose name is this claim's MAIL FROM domain, or whose MAIL FROM domain is
-- this claim's name.
SELECT name
FROM identity.claims
WHERE tenant_id = :tenant_id
    AND id <> :claim_id
    AND phase IN ('PROVISIONING', 'ACTIVE')
    AND (name = :mail_from_domain OR mail_from_label || '.' || name = :name)
LIMIT 1

-- find_live_claim --
-- Return the tenant's claim on a name, unless it is DELETED.
SELECT id, tenant_id, ses_identity_id, region, name, mail_from_label, phase, generation, revision,
    ownership, ownership_token, ownership_deadline_at
FROM identity.claims
WHERE tenant_id = :tenant_id AND name = :name AND phase <> 'DELETED'

-- request_identity --
-- Request an SES identity, or join the existing one. The MAIL FROM label is that of the holder (:may_hold: this claim
-- may become it); for an identity that was UNWANTED or ABSENT, it is that of this claim. If there was no row or it was
-- ABSENT, SES has no identity of ours, so :plan creates it without a GET first.
INSERT INTO identity.ses_identities AS identity
    (id, account, region, name, mail_from_label, wanted_by, plan, plan_generation)
VALUES (:ses_identity_id, :account, :region, :name, :mail_from_label, ARRAY[:tenant_id::uuid], :plan, 1)
ON CONFLICT (account, region, name) DO UPDATE
SET (mail_from_label, generation) = (
        SELECT wanted.label,
            identity.generation
            + CASE WHEN identity.state = 'WANTED' AND identity.mail_from_label = wanted.label THEN 0 ELSE 1 END
        FROM (
            SELECT CASE
                WHEN :may_hold OR identity.state IN ('UNWANTED', 'ABSENT') THEN excluded.mail_from_label
                ELSE identity.mail_from_label
            END AS label
        ) AS wanted
    ),
    state = 'WANTED',
    -- SES may be deleting an UNWANTED identity right now, so its tokens are unknown until the next call.
    tokens = CASE WHEN identity.state IN ('UNWANTED', 'ABSENT') THEN '{}' ELSE identity.tokens END,
    wanted_by = CASE
        WHEN identity.state = 'WANTED' THEN array_remove(identity.wanted_by, :tenant_id) || :tenant_id
        ELSE ARRAY[:tenant_id]
    END,
    plan = CASE WHEN identity.state = 'ABSENT' THEN excluded.plan ELSE identity.plan END,
    plan_lease_token = CASE WHEN identity.state = 'ABSENT' THEN identity.lease_token ELSE identity.plan_lease_token END,
    plan_generation = CASE WHEN identity.state = 'ABSENT' THEN identity.generation + 1 ELSE identity.plan_generation END,
    due_at = least(identity.due_at, now()),
    updated_at = now()
RETURNING id

-- requeue_deletions --
-- Make claims that waited for the identity's deletion due again, because the identity is kept.
UPDATE identity.claims
SET due_at = now()
WHERE ses_identity_id = :ses_identity_id AND phase = 'DELETING' AND due_at IS NULL

-- insert_claim --
-- Store a claim.
INSERT INTO identity.claims (
    id, tenant_id, account, region, name, display_name, mail_from_label, ses_identity_id,
    ownership, ownership_token, ownership_token_at
)
VALUES (
    :claim_id, :tenant_id, :account, :region, :name, :display_name, :mail_from_label, :ses_identity_id,
    :ownership, :token, CASE WHEN :token <> '' THEN now() END
)

-- relabel_claim --
-- Change a claim's MAIL FROM label, which changes its records and so starts a new generation.
UPDATE identity.claims
SET mail_from_label = :mail_from_label,
    generation = generation + 1,
    revision = revision + 1,
    updated_at = now()
WHERE id = :claim_id

-- repair_identity --
-- Request a check and repair of an SES identity; no effect if an update or deletion is already under way.
UPDATE identity.ses_identities
SET state = 'WANTED',
    generation = generation + 1,
    repair_cause = :cause,
    wanted_by = ARRAY[:tenant_id::uuid],
    due_at = now(),
    updated_at = now()
WHERE id = :ses_identity_id AND state = 'PRESENT'
RETURNING id

-- find_domain --
-- Return the id of a tenant's domain of a name, unless it is DELETED.
SELECT id
FROM identity.claims
WHERE tenant_id = :tenant_id AND name = :name AND phase <> 'DELETED'

-- list_domains --
-- Return the ids of a tenant's domains in these states with :search in their name: those older than :after, newest
-- first, or those newer than :before, oldest first. Limited to the domains :claim_ids; NULL: no limit.
SELECT id
FROM identity.domains
WHERE tenant_id = :tenant_id
    AND (:claim_ids::uuid[] IS NULL OR id = ANY (:claim_ids))
    AND state = ANY(:states::text[])
    AND (:after::uuid IS NULL OR id < :after)
    AND (:before::uuid IS NULL OR id > :before)
    AND (:search = '' OR position(:search IN name) > 0 OR position(:search IN lower(display_name)) > 0)
ORDER BY CASE WHEN :before::uuid IS NULL THEN id END DESC, id
LIMIT :limit

-- get_domains --
-- Return domains with their records, newest first, limited to one tenant and to the domains :claim_ids; NULL: no
-- limit.
SELECT
    domain.id, domain.tenant_id, domain.name, domain.display_name, domain.region, domain.mail_from_label,
    domain.state, domain.state_note, domain.state_reason, domain.state_parameters, domain.generation, domain.revision,
    domain.created_at, domain.updated_at, domain.state_at, domain.ownership, domain.ownership_token,
    domain.ownership_deadline_at, domain.ownership_token_at,
    claim.advisory_revision, claim.dmarc_policy, claim.dmarc_subdomain_policy, claim.dmarc_testing,
    claim.dmarc_report_addresses,
    coalesce(shown.records, '[]') AS records
FROM identity.domains AS domain
JOIN identity.claims AS claim ON claim.id = domain.id
LEFT JOIN LATERAL (
    SELECT jsonb_agg(
        jsonb_build_object(
            'purpose', record.purpose, 'ordinal', record.ordinal, 'type', record.type, 'name', record.name,
            'value', record.value, 'priority', record.priority, 'ttl', record.ttl, 'required', record.required
        )
        ORDER BY record.position
    ) AS records
    FROM identity.records AS record
    WHERE record.claim_id = domain.id AND record.generation = domain.generation
) AS shown ON true
WHERE domain.id = ANY(:ids::uuid[])
    AND (:tenant_id::uuid IS NULL OR domain.tenant_id = :tenant_id)
    AND (:claim_ids::uuid[] IS NULL OR domain.id = ANY (:claim_ids))
ORDER BY domain.id DESC
