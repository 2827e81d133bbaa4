-- accept_emails --
-- Stores emails with recipients, attachments and history, in one go with the answer to their request_id ($2, may be NULL). Gives nothing when that id was used before; waits for whoever is using it now.
WITH first AS (
    INSERT INTO sender.idempotency (tenant_id, request_id, content_hash, email_ids, refusals)
    SELECT $1, $2::text, $3::bytea, $6::uuid[], $5::bytea[]
    WHERE $2::text IS NOT NULL
    ON CONFLICT ON CONSTRAINT idempotency_key DO NOTHING
    RETURNING request_id
), accepted AS (
    INSERT INTO sender.emails
        (id, tenant_id, claim_id, from_address, from_name, subject, text, html, reply_to, headers, tags, size,
         send_at, on_unknown, unknown_window, state_note, not_before, expires_at)
    SELECT
        id, $1, claim_id, from_address, from_name, subject, text, html, reply_to::jsonb, headers::jsonb,
        tags::jsonb, size, send_at, on_unknown, unknown_window,
        CASE WHEN send_at IS NULL THEN 'Accepted, and waiting for its turn.' ELSE 'Accepted, and waiting for its time.' END,
        coalesce(send_at, now()), greatest(send_at, now()) + $4::interval
    FROM unnest(
        $6::uuid[], $7::uuid[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[],
        $13::text[], $14::text[], $15::text[], $16::bigint[], $17::timestamptz[], $18::text[], $19::interval[]
    ) AS draft (
        id, claim_id, from_address, from_name, subject, text, html,
        reply_to, headers, tags, size, send_at, on_unknown, unknown_window
    )
    WHERE $2::text IS NULL OR EXISTS (SELECT FROM first)
    RETURNING id, state_note, created_at, expires_at
), addressed AS (
    INSERT INTO sender.recipients (email_id, position, kind, address, name, match)
    SELECT email_id, position, kind, address, name, lower(address)
    FROM unnest($20::uuid[], $21::integer[], $22::text[], $23::text[], $24::text[])
        AS recipient (email_id, position, kind, address, name)
    WHERE EXISTS (SELECT FROM accepted)
), attached AS (
    INSERT INTO sender.attachments (email_id, position, file_name, content_type, content_id, size, content)
    SELECT email_id, position, file_name, content_type, content_id, length(content), content
    FROM unnest($25::uuid[], $26::integer[], $27::text[], $28::text[], $29::text[], $30::bytea[])
        AS attachment (email_id, position, file_name, content_type, content_id, content)
    WHERE EXISTS (SELECT FROM accepted)
), begun AS (
    INSERT INTO sender.email_transitions (id, email_id, to_state, note)
    SELECT transition_id, email_id, 'QUEUED', 'Accepted.'
    FROM unnest($31::uuid[], $6::uuid[]) AS transition (transition_id, email_id)
    WHERE EXISTS (SELECT FROM accepted)
)
SELECT id, state_note, created_at, expires_at, pg_notify('sender_emails', '') FROM accepted;

-- find_request --
-- What a request_id was answered with.
SELECT content_hash, email_ids, refusals FROM sender.idempotency WHERE tenant_id = $1 AND request_id = $2;

-- standings_by_name --
-- What is known of a tenant's live domains by name, and in the last row of the operator's shared domain ($3).
SELECT
    d.id AS claim_id, d.tenant_id, d.name, d.state, d.dkim_good, d.ownership_demanded,
    t.state AS tenant_state, t.pause_reason, t.unready_policy, false AS shared
FROM identity.domains AS d
JOIN identity.tenants AS t ON t.id = d.tenant_id
WHERE d.tenant_id = $1 AND d.name = ANY ($2) AND d.state <> 'DELETED'
UNION ALL
SELECT
    d.id, d.tenant_id, d.name, d.state, d.dkim_good, d.ownership_demanded,
    t.state, t.pause_reason, t.unready_policy, true
FROM identity.domains AS d
JOIN identity.tenants AS t ON t.id = d.tenant_id
WHERE d.name = $3 AND d.state <> 'DELETED' AND t.name = 'operator';

-- get_emails --
-- Emails whole, of a tenant ($2) and some of its claims ($3), or of any where these are NULL.
SELECT
    e.id, e.tenant_id, e.claim_id, e.from_address, e.from_name, e.reply_to, e.subject, e.text, e.html, e.headers,
    e.tags, e.state, e.state_note, e.state_at, e.sent_as, e.sent_from, e.ses_id, e.created_at, e.sent_at, e.expires_at,
    e.send_at, e.on_unknown, e.unknown_window,
    t.state AS tenant_state, t.pause_reason,
    (SELECT (left_today, left_now, slow_reason) FROM sender.allowances AS w WHERE w.tenant_id = e.tenant_id) AS allowed,
    a.state AS account_state, a.state_note AS account_note,
    a.sending_enabled AS account_sending_enabled, a.enforcement_status AS account_enforcement_status
FROM sender.emails AS e
JOIN identity.tenants AS t ON t.id = e.tenant_id
LEFT JOIN verifier.ses_account AS a ON a.account = $4 AND a.region = $5
WHERE e.id = ANY ($1)
    AND ($2::uuid IS NULL OR e.tenant_id = $2)
    AND ($3::uuid[] IS NULL OR e.claim_id = ANY ($3))
ORDER BY array_position($1, e.id);

-- list_emails --
-- A tenant's emails after an id, newest first, without bodies and headers; in some states and of some claims, or all.
SELECT
    e.id, e.tenant_id, e.claim_id, e.from_address, e.from_name, e.reply_to, e.subject, NULL AS text, NULL AS html,
    '{}'::jsonb AS headers,
    e.tags, e.state, e.state_note, e.state_at, e.sent_as, e.sent_from, e.ses_id, e.created_at, e.sent_at, e.expires_at,
    e.send_at, e.on_unknown, e.unknown_window,
    t.state AS tenant_state, t.pause_reason,
    (SELECT (left_today, left_now, slow_reason) FROM sender.allowances AS w WHERE w.tenant_id = e.tenant_id) AS allowed,
    a.state AS account_state, a.state_note AS account_note,
    a.sending_enabled AS account_sending_enabled, a.enforcement_status AS account_enforcement_status
FROM sender.emails AS e
JOIN identity.tenants AS t ON t.id = e.tenant_id
LEFT JOIN verifier.ses_account AS a ON a.account = $6 AND a.region = $7
WHERE e.tenant_id = $1
    AND ($2::uuid IS NULL OR e.id < $2)
    AND ($3::text[] IS NULL OR e.state = ANY ($3))
    AND ($4::uuid[] IS NULL OR e.claim_id = ANY ($4))
ORDER BY e.id DESC
LIMIT $5;

-- recipients_of --
-- The recipients of some emails, each email's in order.
SELECT email_id, kind, address, name, state, state_note, state_at
FROM sender.recipients
WHERE email_id = ANY ($1)
ORDER BY email_id, position;

-- attachments_of --
-- The attachments of some emails, each email's in order, without what is in them.
SELECT email_id, file_name, content_type, content_id, size
FROM sender.attachments
WHERE email_id = ANY ($1)
ORDER BY email_id, position;

-- history_of --
-- An email's history, oldest first.
SELECT to_state, note, created_at FROM sender.email_transitions WHERE email_id = $1 ORDER BY created_at, id;

-- timeline_of --
-- What happened to an email and what SES told of it, by time: by our tags, or by its own id ($2) where it told without them. At most $4; of a tenant ($3) alone.
SELECT at, state, kind, note, detail, recipients
FROM (
    SELECT created_at AS at, id, to_state AS state, NULL AS kind, note, NULL::jsonb AS detail, '{}'::text[] AS recipients
    FROM sender.email_transitions
    WHERE email_id = $1
    UNION ALL
    SELECT occurred_at, id, NULL, kind, '', detail, recipients
    FROM webhooks.feedback
    WHERE email_id = $1 AND (tenant_id IS NULL OR tenant_id = $3)
    UNION ALL
    SELECT occurred_at, id, NULL, kind, '', detail, recipients
    FROM webhooks.feedback
    WHERE email_id IS NULL AND ses_id = $2
) AS happened
ORDER BY at, id
LIMIT $4;

-- tenant_exists --
-- Whether there is such a tenant.
SELECT EXISTS (SELECT FROM identity.tenants WHERE id = $1);
