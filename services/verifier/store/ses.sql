-- ses_work --
-- Return which kinds of SES queries are due: watched domains, other domains, the account, the sweep.
SELECT
    EXISTS (
        SELECT FROM verifier.verifications
        WHERE ses_due_at <= now() AND account = :account AND region = :region AND watched_until > now() AND state <> 'READY'
    ) AS watched,
    EXISTS (
        SELECT FROM verifier.verifications
        WHERE ses_due_at <= now() AND account = :account AND region = :region
            AND NOT coalesce(watched_until > now() AND state <> 'READY', false)
    ) AS domains,
    EXISTS (
        SELECT FROM verifier.ses_account WHERE account = :account AND region = :region AND due_at <= now()
    ) AS account,
    EXISTS (
        SELECT FROM verifier.ses_account WHERE account = :account AND region = :region AND sweep_due_at <= now()
    ) AS sweep

-- lease_ses_check --
-- Lease the next domain to query at SES; moving its due time keeps other replicas from making the same query.
UPDATE verifier.verifications
SET ses_due_at = now() + :lease
WHERE claim_id = (
    SELECT claim_id
    FROM verifier.verifications
    WHERE ses_due_at <= now() AND account = :account AND region = :region
    ORDER BY
        coalesce(watched_until > now() AND state <> 'READY', false) = :watched DESC,
        ses_due_at
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
RETURNING claim_id, generation, name, now() AS queried_at

-- retry_ses_check --
-- Make a query due again that got no usable response.
UPDATE verifier.verifications
SET ses_due_at = least(ses_due_at, now() + :delay)
WHERE claim_id = :claim_id AND generation = :generation

-- insert_account --
-- Insert the row of the account that this installation sends from.
INSERT INTO verifier.ses_account (account, region, state_note, state_reason)
VALUES (:account, :region, :message, :reason)
ON CONFLICT (account, region) DO NOTHING

-- lease_account --
-- Lease the query of the account.
UPDATE verifier.ses_account SET due_at = now() + :lease
WHERE account = :account AND region = :region AND due_at <= now()
RETURNING account

-- save_account --
-- Store SES's response about the account; returns its state before and after.
WITH before AS (SELECT state FROM verifier.ses_account WHERE account = :account AND region = :region FOR UPDATE)
UPDATE verifier.ses_account AS a
SET state = :state,
    state_note = :message,
    state_reason = :reason,
    state_parameters = '{}',
    production_access = :production_access,
    sending_enabled = :sending_enabled,
    enforcement_status = :enforcement_status,
    max_send_rate = :max_send_rate,
    max_24_hour_send = :max_24_hour_send,
    sent_last_24_hours = :sent_last_24_hours,
    checked_at = now(),
    due_at = now() + :delay
FROM before
WHERE a.account = :account AND a.region = :region
RETURNING before.state AS before, a.state AS after, a.state_note, a.state_reason, a.state_parameters

-- save_missing_answer --
-- Store that SES gave no usable response; the account is UNREACHABLE once its last response is old. Returns its state
-- before and after.
WITH before AS (SELECT state FROM verifier.ses_account WHERE account = :account AND region = :region FOR UPDATE)
UPDATE verifier.ses_account AS a
SET state = CASE WHEN checked_at > now() - :unreachable_after::interval THEN a.state ELSE 'UNREACHABLE' END,
    state_note = CASE WHEN checked_at > now() - :unreachable_after::interval THEN state_note ELSE :message END,
    state_reason = CASE WHEN checked_at > now() - :unreachable_after::interval THEN state_reason ELSE :reason END,
    state_parameters = CASE WHEN checked_at > now() - :unreachable_after::interval THEN state_parameters ELSE :parameters END,
    due_at = now() + :delay
FROM before
WHERE a.account = :account AND a.region = :region
RETURNING before.state AS before, a.state AS after, a.state_note, a.state_reason, a.state_parameters

-- lease_sweep --
-- Lease the sweep of SES's whole list.
UPDATE verifier.ses_account SET sweep_due_at = now() + :lease
WHERE account = :account AND region = :region AND sweep_due_at <= now()
RETURNING now() AS started_at

-- mark_changed --
-- Make SES queries due for domains whose listed status differs from the stored one.
UPDATE verifier.verifications AS known
SET ses_due_at = now()
FROM unnest(:names::text[], :verification_statuses::text[], :sending_enabled::boolean[])
    AS listed (name, verification_status, sending_enabled)
WHERE known.account = :account
    AND known.region = :region
    AND known.name = listed.name
    AND known.ses_due_at IS DISTINCT FROM now()
    AND (known.ses_due_at IS NULL OR known.ses_due_at > now())
    AND (
        (known.state IN ('READY', 'DEGRADED') AND (
            known.ses_verification_status IS DISTINCT FROM listed.verification_status
            OR listed.sending_enabled IS FALSE AND known.ses_verified_for_sending
        ))
        OR (known.state = 'PENDING' AND listed.verification_status = 'SUCCESS'
            AND known.ses_verification_status IS DISTINCT FROM 'SUCCESS')
    )

-- mark_absent --
-- Make SES queries due for domains that are missing from the whole list although they existed when the sweep started.
UPDATE verifier.verifications
SET ses_due_at = now()
WHERE account = :account
    AND region = :region
    AND created_at < :started_at
    AND name <> ALL (:names)
    AND (ses_due_at IS NULL OR ses_due_at > now())
    AND (ses_checked_at IS NULL OR ses_verification_status IS NOT NULL)

-- leftovers --
-- Return listed names whose identity was deleted with its last claim before the sweep started.
SELECT name
FROM identity.ses_identities
WHERE account = :account AND region = :region AND state = 'ABSENT' AND updated_at < :started_at AND name = ANY (:names)
ORDER BY name

-- end_sweep --
-- Store the time of a complete sweep and when the next one is due.
UPDATE verifier.ses_account SET swept_at = now(), sweep_due_at = now() + :delay
WHERE account = :account AND region = :region

-- postpone_sweep --
-- Schedule the next sweep after an aborted one.
UPDATE verifier.ses_account SET sweep_due_at = now() + :delay WHERE account = :account AND region = :region
