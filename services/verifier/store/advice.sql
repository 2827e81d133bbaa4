-- due_advice --
-- List claims whose advice changed after its last check.
SELECT claim.id AS claim_id, claim.tenant_id, claim.name, claim.generation, claim.advisory_revision
FROM identity.claims AS claim
JOIN verifier.verifications AS known ON known.claim_id = claim.id AND known.generation = claim.generation
WHERE claim.phase = 'ACTIVE'
    AND claim.account = :account
    AND claim.region = :region
    AND known.advisory_revision < claim.advisory_revision
    AND claim.id <> ALL (:besides)
ORDER BY claim.id
LIMIT :limit

-- end_advice_check --
-- Record which advice was checked; no row if a newer one was, or the generation is outdated.
UPDATE verifier.verifications
SET advisory_revision = :advisory_revision
WHERE claim_id = :claim_id AND generation = :generation AND advisory_revision < :advisory_revision
RETURNING claim_id
