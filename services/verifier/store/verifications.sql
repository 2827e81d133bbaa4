-- lease_checks --
-- Lease verifications due for a DNS check, the most overdue first; either watched ones or the others.
UPDATE verifier.verifications
SET leased_until = now() + :lease, lease_token = lease_token + 1
WHERE claim_id IN (
    SELECT claim_id
    FROM verifier.verifications
    WHERE next_check_at <= now()
        AND (leased_until IS NULL OR leased_until <= now())
        AND coalesce(watched_until > now(), false) = :watched
    ORDER BY next_check_at
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
)
RETURNING claim_id, generation, lease_token

-- records_of --
-- List the records of a claim's generation, in the order they are shown.
SELECT record.position, record.purpose, record.type, record.name, record.value, record.priority, record.required,
    record.advisory_revision, claim.name AS domain
FROM identity.records AS record
JOIN identity.claims AS claim ON claim.id = record.claim_id
WHERE record.claim_id = :claim_id AND record.generation = :generation
ORDER BY record.position

-- token_due --
-- Return the claim's ownership token if a tenant's ownership depends on whether it is in DNS.
SELECT token.token, token.name
FROM verifier.due_tokens AS token
JOIN identity.claims AS claim ON claim.id = token.claim_id
WHERE token.claim_id = :claim_id AND claim.generation = :generation

-- lock_case --
-- Lock a verification and read everything that a decision needs. Returns no row when the generation is outdated,
-- the claim is being deleted or the lease token is not current (a NULL token skips that test).
SELECT
    known.claim_id, known.tenant_id, known.name, known.generation, known.state, known.state_note, known.state_reason,
    known.state_parameters, known.deadline_at, known.dkim_valid, known.mail_from_valid, known.failed_checks, known.first_failed_at,
    known.ses_verification_status, known.ses_dkim_status, known.ses_mail_from_status, known.ses_mail_from_domain,
    known.ses_verified_for_sending, known.ses_error_type, known.ses_tokens, known.ses_checked_at, known.ses_due_at,
    known.repairs, known.repair_due_at, known.dkim_found_at,
    coalesce(known.watched_until > now(), false) AS watched,
    claim.ownership, claim.mail_from_label, coalesce(due.token, '') AS token,
    -- A FAILED or LOST claim with a rival must prove ownership first; identity is about to require that.
    known.state IN ('FAILED', 'LOST') AND claim.ownership = 'SOLE' AND EXISTS (
        SELECT
        FROM identity.claims AS rival
        WHERE rival.name = claim.name
            AND rival.tenant_id <> claim.tenant_id
            AND rival.ownership <> 'SUPERSEDED'
            AND rival.phase IN ('PROVISIONING', 'ACTIVE')
    ) AS revival_disputed,
    coalesce(proof.missing_checks, 0) AS missing_checks, proof.missing_at,
    identity.tokens, identity.state = 'PRESENT' AS settled,
    now() AS now
FROM verifier.verifications AS known
JOIN identity.claims AS claim ON claim.id = known.claim_id AND claim.generation = known.generation
JOIN identity.ses_identities AS identity ON identity.id = claim.ses_identity_id
LEFT JOIN verifier.due_tokens AS due ON due.claim_id = known.claim_id
LEFT JOIN verifier.ownership_checks AS proof ON proof.claim_id = known.claim_id AND proof.token = due.token
WHERE known.claim_id = :claim_id
    AND known.generation = :generation
    AND claim.phase = 'ACTIVE'
    AND (:lease_token::bigint IS NULL OR known.lease_token = :lease_token)
FOR UPDATE OF known

-- checks_of --
-- List the last checks of a claim's records as they are shown.
SELECT record.position, record.purpose, record.required, checked.status, checked.message, checked.reason, checked.parameters,
    checked.seen, checked.servers_agreeing, checked.servers_asked, checked.zone, checked.servers
FROM identity.records AS record
JOIN verifier.record_checks AS checked USING (claim_id, generation, position, advisory_revision)
WHERE record.claim_id = :claim_id AND record.generation = :generation
ORDER BY record.position

-- lock_claim --
-- Take the claim lock, which waits until no sender is between reading the claim's state and starting an attempt.
SELECT pg_advisory_xact_lock(chassis.claim_lock(:claim_id))

-- save_checks --
-- Store the check of each record of a claim, unless a newer advisory record has been checked in its place.
INSERT INTO verifier.record_checks AS known (
    claim_id, generation, position, advisory_revision, status, message, reason, parameters, seen, servers_agreeing,
    servers_asked, zone, servers, checked_at
)
SELECT :claim_id, :generation, checked.position, checked.advisory_revision, checked.status, checked.message, checked.reason,
    checked.parameters, array(SELECT jsonb_array_elements_text(checked.seen::jsonb)), checked.servers_agreeing,
    checked.servers_asked, checked.zone, array(SELECT jsonb_array_elements_text(checked.servers::jsonb)), now()
FROM unnest(
    :positions::integer[], :advisory_revisions::bigint[], :statuses::text[], :messages::text[], :reasons::text[],
    :parameters::jsonb[], :seen::text[], :servers_agreeing::integer[], :servers_asked::integer[], :zones::text[],
    :servers::text[]
)
    AS checked (
        position, advisory_revision, status, message, reason, parameters, seen, servers_agreeing, servers_asked, zone, servers
    )
ON CONFLICT (claim_id, generation, position) DO UPDATE
SET advisory_revision = excluded.advisory_revision,
    status = excluded.status,
    message = excluded.message,
    reason = excluded.reason,
    parameters = excluded.parameters,
    seen = excluded.seen,
    servers_agreeing = excluded.servers_agreeing,
    servers_asked = excluded.servers_asked,
    zone = excluded.zone,
    servers = excluded.servers,
    checked_at = excluded.checked_at
WHERE known.advisory_revision <= excluded.advisory_revision

-- save_ownership_check --
-- Store the check of a claim's ownership token.
INSERT INTO verifier.ownership_checks AS known (
    claim_id, token, status, message, reason, parameters, seen, servers_agreeing, servers_asked, zone, servers, missing_checks,
    missing_at
)
VALUES (
    :claim_id, :token, :status, :message, :reason, :parameters, :seen, :servers_agreeing, :servers_asked, :zone, :servers,
    :missing_checks, :missing_at
)
ON CONFLICT (claim_id) DO UPDATE
SET token = excluded.token,
    status = excluded.status,
    message = excluded.message,
    reason = excluded.reason,
    parameters = excluded.parameters,
    seen = excluded.seen,
    servers_agreeing = excluded.servers_agreeing,
    servers_asked = excluded.servers_asked,
    zone = excluded.zone,
    servers = excluded.servers,
    missing_checks = excluded.missing_checks,
    missing_at = excluded.missing_at,
    checked_at = now()

-- save_decision --
-- Store a decision, provided that the state it was based on and the claim are unchanged.
UPDATE verifier.verifications
SET state = :state,
    state_note = :message,
    state_reason = :reason,
    state_parameters = :parameters,
    state_at = CASE WHEN state = :state THEN state_at ELSE now() END,
    deadline_at = :deadline_at,
    dkim_valid = :dkim_valid,
    mail_from_valid = :mail_from_valid,
    failed_checks = :failed_checks,
    first_failed_at = :first_failed_at,
    ses_due_at = :ses_due_at,
    repairs = :repairs,
    repair_due_at = :repair_due_at,
    updated_at = now()
WHERE claim_id = :claim_id AND generation = :generation AND state = :state_before
    AND EXISTS (
        SELECT
        FROM identity.claims AS claim
        WHERE claim.id = :claim_id AND claim.generation = :generation AND claim.ownership = :ownership AND claim.phase = 'ACTIVE'
    )
RETURNING claim_id

-- end_check --
-- Release the lease of a DNS check and schedule the next one.
UPDATE verifier.verifications
SET checks = checks + 1,
    checked_at = now(),
    next_check_at = :next_check_at,
    dkim_found_at = CASE WHEN :dkim_found THEN coalesce(dkim_found_at, now()) ELSE dkim_found_at END,
    ownership = :ownership,
    leased_until = NULL
WHERE claim_id = :claim_id

-- check_again --
-- Make a domain's DNS check due now, unless its verification was renewed since.
UPDATE verifier.verifications
SET next_check_at = now(), leased_until = NULL
WHERE claim_id = :claim_id AND generation = :generation

-- save_ses_check --
-- Store a response from SES.
UPDATE verifier.verifications
SET ses_verification_status = :verification_status,
    ses_dkim_status = :dkim_status,
    ses_mail_from_status = :mail_from_status,
    ses_mail_from_domain = :mail_from_domain,
    ses_verified_for_sending = :verified_for_sending,
    ses_error_type = :error_type,
    ses_tokens = :tokens,
    ses_checked_at = now(),
    next_check_at = least(next_check_at, :next_check_by)
WHERE claim_id = :claim_id

-- add_transition --
-- Add a change of state to a claim's history.
INSERT INTO verifier.transitions (id, claim_id, generation, from_state, to_state, cause, reason, parameters)
VALUES (:transition_id, :claim_id, :generation, :from_state, :to_state, :message, :reason, :parameters)

-- notify_watchers --
-- Notify the WatchDomain streams when the transaction commits.
SELECT pg_notify('verifier_changes', '')
