-- overdue_attempts --
-- Returns a region's attempts that their process did not resolve in time, and how many of the email's attempts ended so before they
-- started; locks them, so that none is started meanwhile.
SELECT
    a.id, a.email_id, a.number, a.started,
    (
        SELECT count(*)
        FROM sender.attempts AS before
        WHERE before.email_id = a.email_id AND before.state = 'REFUSED' AND NOT before.started
            AND before.resolved_at >= before.leased_until
    ) AS deaths
FROM sender.attempts AS a
WHERE a.state = 'OPEN' AND a.account = :account AND a.region = :region AND a.leased_until < now()
ORDER BY a.leased_until
LIMIT :limit
FOR UPDATE OF a SKIP LOCKED;

-- proven_attempts --
-- Returns a region's attempts whose answer was lost and that SES accepted according to its events, including those of emails that were
-- sent again meanwhile.
SELECT a.id, a.email_id, evidence.ses_id
FROM sender.attempts AS a
CROSS JOIN LATERAL (
    SELECT f.ses_id
    FROM webhooks.feedback AS f
    WHERE f.attempt_id = a.id OR (f.attempt_id IS NULL AND f.email_id = a.email_id)
    LIMIT 1
) AS evidence
WHERE a.state IN ('UNKNOWN', 'ABANDONED') AND a.account = :account AND a.region = :region
ORDER BY a.opened_at
LIMIT :limit;

-- proven_emails --
-- Returns a region's emails that were held after a restore, or have ended since, whose attempt was lost with the database, and that were
-- sent according to SES's events.
SELECT e.id, evidence.ses_id
FROM sender.emails AS e
CROSS JOIN LATERAL (SELECT f.ses_id FROM webhooks.feedback AS f WHERE f.email_id = e.id LIMIT 1) AS evidence
WHERE e.decision_demanded AND e.account = :account AND e.region = :region AND e.state IN ('HELD', 'EXPIRED', 'FAILED')
    AND NOT EXISTS (SELECT FROM sender.attempts AS a WHERE a.email_id = e.id AND a.state = 'UNKNOWN')
ORDER BY e.id
LIMIT :limit;

-- absent_attempts --
-- Returns a region's attempts without an event whose window has ended by the clock of feedback liveness. The window is the email's own,
-- else :unknown_window, or :resend_window if the email is to be sent once more.
SELECT
    a.id, e.id AS email_id,
    e.on_unknown = 'RESEND' AND NOT EXISTS (
        SELECT FROM sender.attempts AS before WHERE before.email_id = e.id AND before.state = 'ABANDONED'
    ) AS resend
FROM sender.feedback_liveness AS l
JOIN sender.attempts AS a
    ON a.state = 'UNKNOWN' AND a.account = :account AND a.region = :region AND a.absent_from IS NOT NULL
JOIN sender.emails AS e ON e.id = a.email_id AND e.state = 'UNKNOWN'
WHERE l.source = :source
    AND l.received_for - a.absent_from
        >= coalesce(
            e.unknown_window,
            CASE e.on_unknown WHEN 'RESEND' THEN :resend_window::interval ELSE :unknown_window::interval END
        )
    AND NOT EXISTS (
        SELECT FROM webhooks.feedback AS f
        WHERE f.email_id = a.email_id OR f.attempt_id = a.id
    )
ORDER BY a.opened_at
LIMIT :limit;

-- expired_emails --
-- Returns a region's emails past their deadline, and whether each may have been sent: an answer was lost, perhaps before a restore.
SELECT
    e.id,
    e.decision_demanded OR EXISTS (
        SELECT FROM sender.attempts AS a WHERE a.email_id = e.id AND a.state IN ('UNKNOWN', 'ABANDONED')
    ) AS perhaps_sent
FROM sender.emails AS e
WHERE e.state IN ('QUEUED', 'HELD', 'UNKNOWN') AND e.account = :account AND e.region = :region AND e.expires_at <= now()
ORDER BY e.expires_at
LIMIT :limit;

-- claims_with_held --
-- Returns a region's claims after a given one with held email that is due for another check.
SELECT DISTINCT claim_id
FROM sender.emails
WHERE state = 'HELD' AND account = :account AND region = :region AND not_before <= now() AND NOT decision_demanded
    AND (:after::uuid IS NULL OR claim_id > :after)
ORDER BY claim_id
LIMIT :limit;

-- superseded_emails --
-- Returns waiting email of claims that were superseded within a day. Email of older ones is failed when it is leased.
SELECT e.id
FROM identity.claims AS c
JOIN sender.emails AS e ON e.tenant_id = c.tenant_id AND e.claim_id = c.id AND e.state = 'QUEUED'
WHERE c.ownership = 'SUPERSEDED' AND c.ownership_at > now() - interval '1 day'
ORDER BY e.id
LIMIT :limit
FOR UPDATE OF e SKIP LOCKED;

-- held_emails --
-- Returns email that is held because of its claim, not email that waits for evidence or a decision.
SELECT e.id
FROM sender.emails AS e
WHERE e.claim_id = :claim_id AND e.state = 'HELD' AND e.not_before <= now() AND NOT e.decision_demanded
    AND NOT EXISTS (SELECT FROM sender.attempts AS a WHERE a.email_id = e.id AND a.state = 'UNKNOWN')
ORDER BY e.id
LIMIT :limit;

-- assign_emails --
-- Writes the region of open emails that the code before 0014_pre_regions.sql accepted: that of their domain. Returns them.
UPDATE sender.emails AS e
SET account = c.account, region = c.region
FROM identity.claims AS c
WHERE c.id = e.claim_id AND e.id IN (
    SELECT id FROM sender.emails
    WHERE region = '' AND (state IN ('QUEUED', 'SENDING', 'HELD', 'UNKNOWN') OR decision_demanded)
    ORDER BY id
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
)
RETURNING e.id;

-- assign_attempts --
-- Writes the region of unresolved attempts that the code before 0014_pre_regions.sql started: that of their email, which is
-- also that of the shared domain. Returns them.
UPDATE sender.attempts AS a
SET account = e.account, region = e.region
FROM sender.emails AS e
WHERE e.id = a.email_id AND e.region <> '' AND a.id IN (
    SELECT id FROM sender.attempts
    WHERE region = '' AND state IN ('OPEN', 'UNKNOWN', 'ABANDONED')
    ORDER BY id
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
)
RETURNING a.id;
