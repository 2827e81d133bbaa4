-- find_advice --
-- Return what a claim's advisory records derive from, and its revision.
SELECT advisory_revision, dmarc_policy, dmarc_subdomain_policy, dmarc_testing, dmarc_report_addresses
FROM identity.claims
WHERE id = :claim_id

-- set_dmarc_policy --
-- Set a claim's DMARC policy; no row if nothing changes. The generation stays. The policy counts as changed too when the
-- record shown is of another: the code before migration 0013 shows `p=none` whatever the policy.
UPDATE identity.claims AS claim
SET dmarc_policy = :policy,
    dmarc_subdomain_policy = :subdomain_policy,
    dmarc_testing = :testing,
    dmarc_report_addresses = :report_addresses,
    advisory_revision = advisory_revision + 1,
    revision = revision + 1,
    updated_at = now()
WHERE id = :claim_id
    AND (
        (dmarc_policy, dmarc_testing, dmarc_report_addresses) <> (:policy, :testing, :report_addresses::text[])
        OR dmarc_subdomain_policy IS DISTINCT FROM :subdomain_policy
        OR EXISTS (
            SELECT
            FROM identity.records AS record
            WHERE record.claim_id = claim.id
                AND record.generation = claim.generation
                AND record.purpose = 'DMARC'
                AND record.value <> :text
        )
    )
RETURNING advisory_revision

-- replace_dmarc_record --
-- Replace the DMARC record that a claim shows; no row if it shows none, because its records are not known yet.
UPDATE identity.records AS record
SET value = :text, advisory_revision = :advisory_revision
FROM identity.claims AS claim
WHERE claim.id = :claim_id
    AND claim.phase = 'ACTIVE'
    AND record.claim_id = claim.id
    AND record.generation = claim.generation
    AND record.purpose = 'DMARC'
RETURNING record.claim_id
