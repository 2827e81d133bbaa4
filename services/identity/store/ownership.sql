-- due_names --
-- Return names whose ownership may change now: with a finished precheck, a token that was found or has expired, an
-- adoption, a challenge, or a SOLE claim that ended and was revived beside a rival.
SELECT DISTINCT claim.name
FROM identity.claims AS claim
JOIN identity.ses_identities AS identity ON identity.id = claim.ses_identity_id
LEFT JOIN verifier.dkim_prechecks AS precheck
    ON precheck.claim_id = claim.id AND precheck.tokens = identity.tokens
LEFT JOIN verifier.ownership_checks AS token
    ON token.claim_id = claim.id AND token.token = claim.ownership_token
WHERE (claim.ownership IN ('UNDECIDED', 'PROOF_DUE', 'CHALLENGER', 'CHALLENGED') OR claim.ownership_adopted)
    AND claim.phase IN ('PROVISIONING', 'ACTIVE')
    AND (
        claim.ownership IN ('CHALLENGER', 'CHALLENGED')
        OR claim.ownership_adopted
        OR claim.ownership = 'UNDECIDED' AND precheck.claim_id IS NOT NULL
        OR claim.ownership = 'PROOF_DUE'
        AND (token.status = 'FOUND' OR claim.ownership_token_at < now() - :token_age::interval)
    )
UNION
SELECT claim.name
FROM verifier.verifications AS known
JOIN identity.claims AS claim ON claim.id = known.claim_id
WHERE known.state IN ('FAILED', 'LOST')
    AND known.deadline_at IS NOT NULL
    AND claim.ownership = 'SOLE'
    AND EXISTS (
        SELECT
        FROM identity.claims AS rival
        WHERE rival.name = claim.name
            AND rival.tenant_id <> claim.tenant_id
            AND rival.ownership <> 'SUPERSEDED'
            AND rival.phase IN ('PROVISIONING', 'ACTIVE')
    )
LIMIT :limit

-- live_claims --
-- Return the live claims on a name with all inputs of the ownership rules, in order of creation.
SELECT
    claim.id AS claim_id, claim.tenant_id, claim.ownership, claim.ownership_at AS since,
    claim.ownership_before AS before, claim.ownership_deadline_at AS deadline_at,
    claim.ownership_token_at AS token_at, claim.ownership_adopted AS adopted,
    coalesce(known.state, '') AS state, coalesce(known.dkim_valid, false) AS dkim_valid,
    known.dkim_found_at IS NOT NULL AS dkim_found,
    EXISTS (
        SELECT FROM verifier.transitions AS change WHERE change.claim_id = claim.id AND change.to_state = 'READY'
    ) AS ever_ready,
    EXISTS (
        SELECT
        FROM identity.claims AS other
        JOIN sender.attempts AS attempt ON attempt.claim_id = other.id AND attempt.state = 'OPEN'
        WHERE other.name = claim.name AND other.tenant_id <> claim.tenant_id
    ) AS others_open,
    precheck.outcome AS precheck,
    token.status AS token_status, token.missing_checks, token.checked_at
FROM identity.claims AS claim
JOIN identity.ses_identities AS identity ON identity.id = claim.ses_identity_id
LEFT JOIN verifier.verifications AS known ON known.claim_id = claim.id
LEFT JOIN verifier.dkim_prechecks AS precheck
    ON precheck.claim_id = claim.id AND precheck.tokens = identity.tokens
LEFT JOIN verifier.ownership_checks AS token
    ON token.claim_id = claim.id AND token.token = claim.ownership_token AND claim.ownership_token <> ''
WHERE claim.name = :name AND claim.phase IN ('PROVISIONING', 'ACTIVE')
ORDER BY claim.id

-- ready_claims --
-- Return the claims on a name that were once READY, tombstones included.
SELECT
    claim.tenant_id, claim.ownership, max(change.created_at) AS ready_at,
    (
        SELECT max(gone.created_at)
        FROM identity.claim_transitions AS gone
        WHERE gone.claim_id = claim.id AND gone.to_phase = 'DELETING'
    ) AS deleted_at
FROM identity.claims AS claim
JOIN verifier.transitions AS change ON change.claim_id = claim.id AND change.to_state = 'READY'
WHERE claim.name = :name
GROUP BY claim.id

-- last_claimed --
-- Return when each tenant last claimed a name.
SELECT tenant_id, max(created_at) AS created_at
FROM identity.claims
WHERE name = :name
GROUP BY tenant_id

-- is_mail_from_name --
-- Return whether a name is the MAIL FROM domain of a live domain of another tenant.
SELECT EXISTS (
    SELECT
    FROM identity.claims
    WHERE mail_from_label || '.' || name = :name AND tenant_id <> :tenant_id AND phase IN ('PROVISIONING', 'ACTIVE')
)

-- now --
-- Return the time of this transaction.
SELECT now()

-- move --
-- Change a claim's ownership; no row if its ownership is no longer :before. :new_token is set if it must prove itself.
UPDATE identity.claims
SET ownership = :after,
    ownership_at = now(),
    ownership_before = CASE WHEN :after = 'CHALLENGED' THEN ownership END,
    ownership_deadline_at = :deadline_at,
    ownership_token = CASE
        WHEN :new_token::text IS NOT NULL THEN :new_token
        WHEN :after IN ('SOLE', 'SUPERSEDED') THEN ''
        ELSE ownership_token
    END,
    ownership_token_at = CASE WHEN :new_token::text IS NOT NULL THEN now() ELSE ownership_token_at END,
    ownership_adopted = ownership_adopted AND :after NOT IN ('PROVEN', 'SUPERSEDED'),
    generation = generation + CASE WHEN :renews_records::boolean THEN 1 ELSE 0 END,
    revision = revision + 1,
    updated_at = now()
WHERE id = :claim_id AND ownership = :before AND phase IN ('PROVISIONING', 'ACTIVE')
RETURNING id, tenant_id, ses_identity_id, region, name, mail_from_label, phase, generation, revision,
    ownership, ownership_token, ownership_deadline_at

-- insert_transition --
-- Append to the history of a claim's ownership.
INSERT INTO identity.ownership_transitions (id, claim_id, from_ownership, to_ownership, cause, reason)
VALUES (:id, :claim_id, :before, :after, :cause, :reason)

-- signing --
-- Return the DKIM tokens and zone of an identity; the tokens are empty until SES returns them.
SELECT tokens, coalesce(hosted_zone, '') AS hosted_zone
FROM identity.ses_identities
WHERE id = :ses_identity_id

-- revoke_links --
-- Revoke the links to a domain's page.
UPDATE identity.links
SET revoked_at = now()
WHERE claim_id = :claim_id AND revoked_at IS NULL

-- adopt --
-- Record that an operator adopted a claim; the worker then decides its ownership.
UPDATE identity.claims
SET ownership_adopted = true, updated_at = now()
WHERE id = :claim_id AND phase IN ('PROVISIONING', 'ACTIVE') AND ownership NOT IN ('PROVEN', 'SUPERSEDED')
RETURNING id
