-- account --
-- Returns the SES account as verifier last saw it.
SELECT state, state_note AS note, sending_enabled, enforcement_status, max_send_rate
FROM verifier.ses_account
WHERE account = :account AND region = :region;

-- claimable --
-- Locks a region's next emails, round-robin over the tenants, so that a long queue does not delay other tenants; skips emails
-- that another replica is leasing. Does not read the bodies of heavy emails (over 256 KiB). :considered is how many
-- emails to consider in order to find :limit that are not locked.
WITH RECURSIVE waiting AS (
    (
        SELECT tenant_id FROM sender.emails
        WHERE state = 'QUEUED' AND account = :account AND region = :region
        ORDER BY tenant_id LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT e.tenant_id FROM sender.emails AS e
        WHERE e.state = 'QUEUED' AND e.account = :account AND e.region = :region AND e.tenant_id > waiting.tenant_id
        ORDER BY e.tenant_id LIMIT 1
    )
    FROM waiting
    WHERE waiting.tenant_id IS NOT NULL
), remaining AS MATERIALIZED (
    SELECT tenant_id, least(allowed.left_today, allowed.left_now) AS recipients
    FROM waiting
    JOIN sender.allowances AS allowed USING (tenant_id)
    JOIN identity.tenants AS t ON t.id = tenant_id AND t.state = 'ACTIVE'
), queued AS (
    SELECT
        due.id, due.not_before, remaining.recipients AS recipients_left,
        row_number() OVER own AS rank, sum(due.recipients) OVER own - due.recipients AS recipients_before
    FROM remaining
    CROSS JOIN LATERAL (
        SELECT e.id, e.not_before,
            CASE
                WHEN remaining.recipients IS NOT NULL AND NOT (e.is_test OR e.is_notice)
                THEN (SELECT count(DISTINCT r.match)::integer FROM sender.recipients AS r WHERE r.email_id = e.id)
                ELSE 0
            END AS recipients
        FROM sender.emails AS e
        WHERE e.state = 'QUEUED' AND e.account = :account AND e.region = :region AND e.tenant_id = remaining.tenant_id
            AND e.not_before <= now() AND e.expires_at > now()
        ORDER BY e.not_before, e.id
        -- With many tenants, read only a few emails of each. These are enough to find :limit even if every other
        -- tenant has only one email and another replica has locked as many.
        LIMIT greatest(0, least(
            (SELECT greatest(1 + :considered / count(*), 2 * :limit - count(*)) FROM waiting), remaining.recipients
        ))
    ) AS due
    WINDOW own AS (PARTITION BY remaining.tenant_id ORDER BY due.not_before, due.id ROWS UNBOUNDED PRECEDING)
), next AS (
    SELECT array_agg(id ORDER BY rank, not_before, id) AS ids
    FROM (
        SELECT id, rank, not_before
        FROM queued
        -- An email is never split: while any allowance is left, the next email may exceed it.
        WHERE coalesce(recipients_before < recipients_left, true)
        ORDER BY rank, not_before, id
        LIMIT :considered
    ) AS first
)
SELECT
    e.id, e.tenant_id, e.claim_id, e.from_address, e.from_name, e.reply_to, e.subject, e.headers, e.tags,
    CASE WHEN e.size <= 262144 THEN e.text END AS text, CASE WHEN e.size <= 262144 THEN e.html END AS html,
    e.size, e.size > 262144 AND (e.text IS NOT NULL OR e.html IS NOT NULL) AS heavy,
    EXISTS (SELECT FROM sender.attachments AS a WHERE a.email_id = e.id) AS attached, e.is_test OR e.is_notice AS is_exempt, e.attempts,
    now() AS claimed_at
FROM sender.emails AS e
WHERE e.id = ANY ((SELECT ids FROM next)::uuid[]) AND e.state = 'QUEUED'
ORDER BY array_position((SELECT ids FROM next), e.id)
LIMIT :limit
FOR UPDATE OF e SKIP LOCKED;

-- shared_claim --
-- Returns the claim of the operator's shared domain in a region.
SELECT d.id
FROM identity.domains AS d
JOIN identity.tenants AS t ON t.id = d.tenant_id
WHERE d.name = :shared_domain AND d.account = :account AND d.region = :region AND d.state <> 'DELETED' AND t.is_operator;

-- lock_claims --
-- Takes shared claim locks until the end of the transaction, so that the right to send from these claims cannot be
-- revoked meanwhile; always in the same order, to avoid deadlocks.
SELECT pg_advisory_xact_lock_shared(lock_id)
FROM (
    SELECT DISTINCT chassis.claim_lock(claim_id) AS lock_id FROM unnest(:claim_ids::uuid[]) AS claim (claim_id) ORDER BY 1
) AS locks;

-- verifications_by_claim --
-- Returns the verification status of domains by claim, that of the shared domain among them.
SELECT
    d.id AS claim_id, d.tenant_id, d.name, d.state, d.dkim_valid, d.ownership,
    t.state AS tenant_state, t.name AS tenant_name, t.pause_reason, t.unready_policy, false AS shared
FROM identity.domains AS d
JOIN identity.tenants AS t ON t.id = d.tenant_id
WHERE d.id = ANY (:claim_ids);

-- addressees --
-- Returns the recipients of some emails, in each email's order: whether they are on the tenant's suppression list now, and
-- whether an earlier attempt marked them as suppressed.
SELECT
    r.email_id, r.position, r.kind, r.address, r.name, s.address IS NOT NULL AS suppressed,
    r.state = 'SUPPRESSED' AS left_out
FROM sender.recipients AS r
JOIN sender.emails AS e ON e.id = r.email_id
LEFT JOIN sender.suppressions AS s
    ON s.tenant_id = e.tenant_id AND s.address = r.match AND (s.expires_at IS NULL OR s.expires_at > now())
WHERE r.email_id = ANY (:email_ids)
ORDER BY r.email_id, r.position;

-- attachments --
-- Returns the attachments of some emails, in each email's order.
SELECT email_id, file_name, content_type, content_id, size, content
FROM sender.attachments
WHERE email_id = ANY (:email_ids)
ORDER BY email_id, position;

-- content --
-- Returns the content of an email, without its attachments.
SELECT reply_to, subject, text, html, headers FROM sender.emails WHERE id = :email_id;

-- count_emails --
-- Counts emails, given by tenant and number of recipients, against their tenants' daily limit and rate; always in the same
-- order, to avoid deadlocks.
WITH claimed AS (
    SELECT tenant_id, count(*) AS emails, sum(recipients) AS recipients
    FROM unnest(:tenant_ids::uuid[], :recipient_counts::integer[]) AS email (tenant_id, recipients)
    GROUP BY tenant_id
), counted AS (
    INSERT INTO sender.tenant_days AS d (tenant_id, day, emails, recipients)
    SELECT tenant_id, (now() AT TIME ZONE 'UTC')::date, emails, recipients FROM claimed ORDER BY tenant_id
    ON CONFLICT (tenant_id, day) DO UPDATE
    SET emails = d.emails + excluded.emails, recipients = d.recipients + excluded.recipients
)
INSERT INTO chassis.rate_bucket AS b (key, arrival_at)
SELECT 'tenant-send:' || tenant_id, clock_timestamp() + make_interval(secs => recipients / rate)
FROM claimed
JOIN sender.allowances USING (tenant_id)
WHERE rate IS NOT NULL
ORDER BY tenant_id
ON CONFLICT (key) DO UPDATE
SET arrival_at = greatest(b.arrival_at, clock_timestamp()) + (excluded.arrival_at - clock_timestamp());

-- mark_recipients --
-- Marks recipients that are suppressed, and clears the mark of those that no longer are.
UPDATE sender.recipients AS r
SET
    state = CASE WHEN marked.suppressed THEN 'SUPPRESSED' ELSE 'PENDING' END,
    state_note = CASE WHEN marked.suppressed THEN :message ELSE '' END,
    state_reason = CASE WHEN marked.suppressed THEN :reason ELSE '' END,
    state_parameters = '{}',
    state_at = now()
FROM unnest(:email_ids::uuid[], :positions::integer[], :suppressed::boolean[]) AS marked (email_id, position, suppressed)
WHERE r.email_id = marked.email_id AND r.position = marked.position;

-- open_attempts --
-- Opens attempts in a region; their leases expire by the database's clock.
INSERT INTO sender.attempts (id, email_id, tenant_id, claim_id, account, region, number, worker, leased_until, started)
SELECT id, email_id, tenant_id, claim_id, :account, :region, number, :worker, now() + lease, false
FROM unnest(
    :attempt_ids::uuid[], :email_ids::uuid[], :tenant_ids::uuid[], :claim_ids::uuid[], :numbers::integer[],
    :leases::interval[]
) AS attempt (id, email_id, tenant_id, claim_id, number, lease);

-- start_attempts --
-- Records the starts of attempts, which are posted once this commits; returns those whose lease has not expired.
UPDATE sender.attempts
SET started = true
WHERE id = ANY (:attempt_ids) AND state = 'OPEN' AND NOT started AND leased_until > clock_timestamp()
RETURNING id;
