-- ses_work --
-- Return which kinds of SES queries are due: watched domains, other domains, the account, the sweep.
SELECT
    EXISTS (
        SELECT FROM verifier.verifications
        WHERE ses_due_at <= now() AND account = $1 AND region = $2 AND watched_until > now() AND state <> 'READY'
    ) AS watched,
    EXISTS (
        SELECT FROM verifier.verifications
        WHERE ses_due_at <= now() AND account = $1 AND region = $2
            AND NOT coalesce(watched_until > now() AND state <> 'READY', false)
    ) AS domains,
    EXISTS (
        SELECT FROM verifier.ses_account WHERE account = $1 AND region = $2 AND due_at <= now()
    ) AS account,
    EXISTS (
        SELECT FROM verifier.ses_account WHERE account = $1 AND region = $2 AND sweep_due_at <= now()
    ) AS sweep

-- lease_ses_check --
-- Lease the next domain to query at SES; moving its due time keeps other replicas from making the same query.
UPDATE verifier.verifications
SET ses_due_at = now() + $3
WHERE claim_id = (
    SELECT claim_id
    FROM verifier.verifications
    WHERE ses_due_at <= now() AND account = $1 AND region = $2
    ORDER BY
        coalesce(watched_until > now() AND state <> 'READY', false) = $4 DESC,
        ses_due_at
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
RETURNING claim_id, generation, name, now() AS asked_at

-- ask_again --
-- Make a query due again that got no usable response.
UPDATE verifier.verifications
SET ses_due_at = least(ses_due_at, now() + $3)
WHERE claim_id = $1 AND generation = $2

-- put_account --
-- Insert the row of the account that this installation sends from.
INSERT INTO verifier.ses_account (account, region, state_note) VALUES ($1, $2, $3)
ON CONFLICT (account, region) DO NOTHING

-- claim_account --
-- Lease the query of the account.
UPDATE verifier.ses_account SET due_at = now() + $3
WHERE account = $1 AND region = $2 AND due_at <= now()
RETURNING account

-- save_account --
-- Store SES's response about the account; returns its state before and after.
WITH before AS (SELECT state FROM verifier.ses_account WHERE account = $1 AND region = $2 FOR UPDATE)
UPDATE verifier.ses_account AS a
SET state = $3,
    state_note = $4,
    production_access = $5,
    sending_enabled = $6,
    enforcement_status = $7,
    max_send_rate = $8,
    max_24_hour_send = $9,
    sent_last_24_hours = $10,
    checked_at = now(),
    due_at = now() + $11
FROM before
WHERE a.account = $1 AND a.region = $2
RETURNING before.state AS before, a.state AS after, a.state_note AS note

-- miss_account --
-- Store that SES did not respond; the account is UNREACHABLE once its last response is old. Returns its state before and after.
WITH before AS (SELECT state FROM verifier.ses_account WHERE account = $1 AND region = $2 FOR UPDATE)
UPDATE verifier.ses_account AS a
SET state = CASE WHEN checked_at > now() - $5::interval THEN a.state ELSE 'UNREACHABLE' END,
    state_note = CASE WHEN checked_at > now() - $5::interval THEN state_note ELSE $3 END,
    due_at = now() + $4
FROM before
WHERE a.account = $1 AND a.region = $2
RETURNING before.state AS before, a.state AS after, a.state_note AS note

-- claim_sweep --
-- Lease the sweep of SES's whole list.
UPDATE verifier.ses_account SET sweep_due_at = now() + $3
WHERE account = $1 AND region = $2 AND sweep_due_at <= now()
RETURNING now() AS started_at

-- mark_changed --
-- Make SES queries due for domains whose listed status differs from the stored one.
UPDATE verifier.verifications AS known
SET ses_due_at = now()
FROM unnest($3::text[], $4::text[], $5::boolean[]) AS listed (name, verification_status, sending_enabled)
WHERE known.account = $1
    AND known.region = $2
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
WHERE account = $1
    AND region = $2
    AND created_at < $4
    AND name <> ALL ($3)
    AND (ses_due_at IS NULL OR ses_due_at > now())
    AND (ses_checked_at IS NULL OR ses_verification_status IS NOT NULL)

-- leftovers --
-- Return listed names whose identity was deleted with its last claim before the sweep started.
SELECT name
FROM identity.ses_identities
WHERE account = $1 AND region = $2 AND state = 'ABSENT' AND updated_at < $4 AND name = ANY ($3)
ORDER BY name

-- end_sweep --
-- Store the time of a complete sweep and when the next one is due.
UPDATE verifier.ses_account SET swept_at = now(), sweep_due_at = now() + $3 WHERE account = $1 AND region = $2

-- put_off_sweep --
-- Schedule the next sweep after an aborted one.
UPDATE verifier.ses_account SET sweep_due_at = now() + $3 WHERE account = $1 AND region = $2
