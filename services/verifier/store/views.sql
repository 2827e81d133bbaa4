-- get_verification --
-- Return a domain in any phase with its verification, restricted to a tenant and to domains; NULL allows any.
SELECT
    domain.id, domain.tenant_id, domain.name, domain.generation, domain.ownership, domain.ownership_deadline_at,
    domain.state, domain.state_note, domain.state_reason, domain.state_parameters, domain.state_at,
    known.deadline_at, known.checked_at, known.next_check_at, known.ses_verification_status, known.ses_dkim_status,
    known.ses_mail_from_status, known.ses_verified_for_sending, known.ses_error_type, known.ses_checked_at,
    domain.dkim_valid, known.mail_from_valid, known.failed_checks, known.first_failed_at,
    tenant.state AS tenant_state, tenant.unready_policy, account.state AS account_state
FROM identity.domains AS domain
JOIN identity.tenants AS tenant ON tenant.id = domain.tenant_id
LEFT JOIN verifier.ses_account AS account USING (account, region)
LEFT JOIN verifier.verifications AS known ON known.claim_id = domain.id AND known.generation = domain.generation
WHERE domain.id = :claim_id
    AND (:tenant_id::uuid IS NULL OR domain.tenant_id = :tenant_id)
    AND (:claim_ids::uuid[] IS NULL OR domain.id = ANY (:claim_ids))

-- get_proof --
-- Return the ownership token of a domain with its last check, or no row without a token. Restricted to a tenant and
-- to domains; NULL allows any.
SELECT
    domain.name, domain.ownership_token AS token, proof.status AS status, proof.message, proof.reason, proof.parameters, proof.seen,
    proof.servers_agreeing, proof.servers_asked, proof.zone, proof.servers, proof.checked_at AS checked_at
FROM identity.domains AS domain
LEFT JOIN verifier.ownership_checks AS proof
    ON proof.claim_id = domain.id AND proof.token = domain.ownership_token
WHERE domain.id = :claim_id
    AND domain.ownership_token <> ''
    AND (:tenant_id::uuid IS NULL OR domain.tenant_id = :tenant_id)
    AND (:claim_ids::uuid[] IS NULL OR domain.id = ANY (:claim_ids))

-- get_checks --
-- List the records of a domain with their last checks, restricted to a tenant and to domains; NULL allows any.
SELECT
    record.purpose, record.ordinal, record.type, record.name, record.value, record.priority, record.ttl,
    record.required, checked.status, checked.message, checked.reason, checked.parameters, checked.seen,
    checked.servers_agreeing, checked.servers_asked, checked.zone, checked.servers, checked.checked_at
FROM identity.records AS record
LEFT JOIN verifier.record_checks AS checked USING (claim_id, generation, position, advisory_revision)
WHERE record.claim_id = :claim_id
    AND record.generation = :generation
    AND (
        :tenant_id::uuid IS NULL
        OR EXISTS (SELECT FROM identity.claims WHERE id = :claim_id AND tenant_id = :tenant_id)
    )
    AND (:claim_ids::uuid[] IS NULL OR record.claim_id = ANY (:claim_ids))
ORDER BY record.position

-- mark_due --
-- Make a domain's DNS check due now; FAILED and LOST get a new deadline. Restricted to a tenant and to domains; NULL
-- allows any.
UPDATE verifier.verifications
SET next_check_at = now(),
    deadline_at = CASE WHEN state IN ('FAILED', 'LOST') THEN now() + :grace ELSE deadline_at END,
    repairs = 0,
    repair_due_at = NULL
WHERE claim_id = :claim_id
    AND (:tenant_id::uuid IS NULL OR tenant_id = :tenant_id)
    AND (:claim_ids::uuid[] IS NULL OR claim_id = ANY (:claim_ids))
RETURNING claim_id

-- mark_watched --
-- Keep a domain watched; a domain that was not watched is due for a check now. Restricted to a tenant and to domains;
-- NULL allows any.
UPDATE verifier.verifications
SET watched_until = now() + :duration::interval,
    next_check_at = CASE
        WHEN watched_until > now() OR next_check_at IS NULL THEN next_check_at
        ELSE least(next_check_at, now())
    END
WHERE claim_id = :claim_id
    AND (watched_until IS NULL OR watched_until < now() + :duration::interval / 2)
    AND (:tenant_id::uuid IS NULL OR tenant_id = :tenant_id)
    AND (:claim_ids::uuid[] IS NULL OR claim_id = ANY (:claim_ids))

-- list_transitions --
-- List a page of a domain's history, newest first, restricted to a tenant and to domains; NULL allows any.
SELECT id, from_state, to_state, cause, reason, parameters, generation, created_at
FROM verifier.transitions
WHERE claim_id = :claim_id
    AND (:after::uuid IS NULL OR id < :after)
    AND (
        :tenant_id::uuid IS NULL
        OR EXISTS (SELECT FROM identity.claims AS c WHERE c.id = :claim_id AND c.tenant_id = :tenant_id)
    )
    AND (:claim_ids::uuid[] IS NULL OR claim_id = ANY (:claim_ids))
ORDER BY id DESC
LIMIT :limit

-- list_accounts --
-- List the SES account of each region. The account number, volume, rate and message, which may quote AWS, are only for
-- operators.
SELECT
    CASE WHEN :of_installation THEN account ELSE '' END AS account,
    region,
    state,
    CASE WHEN :of_installation THEN state_note ELSE '' END AS state_note,
    CASE WHEN :of_installation THEN state_reason ELSE '' END AS state_reason,
    CASE WHEN :of_installation THEN state_parameters END AS state_parameters,
    CASE WHEN :of_installation THEN max_send_rate ELSE 0 END AS max_send_rate,
    CASE WHEN :of_installation THEN max_24_hour_send ELSE 0 END AS max_24_hour_send,
    CASE WHEN :of_installation THEN sent_last_24_hours ELSE 0 END AS sent_last_24_hours,
    checked_at
FROM verifier.ses_account
ORDER BY ses_account.region, ses_account.account

-- longest_waits --
-- Return for each region the longest time since a DKIM record was found, of domains whose required records are all found and that
-- wait for SES. A domain that has to prove ownership waits for its owner.
SELECT known.region, now() - min(known.dkim_found_at) AS waited
FROM verifier.verifications AS known
JOIN identity.claims AS claim ON claim.id = known.claim_id AND claim.generation = known.generation
WHERE known.state = 'PENDING' AND known.ownership = ANY (:holders) AND known.dkim_found_at IS NOT NULL AND claim.phase = 'ACTIVE'
    AND NOT EXISTS (
        SELECT
        FROM identity.records AS record
        LEFT JOIN verifier.record_checks AS checked USING (claim_id, generation, position)
        WHERE record.claim_id = known.claim_id AND record.generation = known.generation
            AND record.required AND checked.status IS DISTINCT FROM 'FOUND'
    )
GROUP BY known.region
