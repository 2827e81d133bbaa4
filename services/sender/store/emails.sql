-- get_emails --
-- Returns complete emails of a tenant ($2) and some of its claims ($3), or of any where these are NULL; only test emails if
-- $6. The note on the account may quote AWS, so only operators ($7) see it.
SELECT
    e.id, e.tenant_id, e.claim_id, e.from_address, e.from_name, e.reply_to, e.subject,
    CASE WHEN NOT e.is_secret THEN e.text END AS text, CASE WHEN NOT e.is_secret THEN e.html END AS html, e.headers,
    e.tags, e.state, e.state_note, e.state_at, e.sent_as, e.sent_from, e.ses_id, e.created_at, e.sent_at, e.expires_at,
    e.send_at, e.on_unknown, e.unknown_window,
    t.state AS tenant_state, t.pause_reason,
    (SELECT (left_today, left_now, slow_reason) FROM sender.allowances AS w WHERE w.tenant_id = e.tenant_id) AS allowed,
    a.state AS account_state, CASE WHEN $7::boolean THEN a.state_note ELSE '' END AS account_note,
    a.sending_enabled AS account_sending_enabled, a.enforcement_status AS account_enforcement_status
FROM sender.emails AS e
JOIN identity.tenants AS t ON t.id = e.tenant_id
LEFT JOIN verifier.ses_account AS a ON a.account = $4 AND a.region = $5
WHERE e.id = ANY ($1)
    AND ($2::uuid IS NULL OR e.tenant_id = $2)
    AND ($3::uuid[] IS NULL OR e.claim_id = ANY ($3))
    AND (NOT $6::boolean OR (e.is_test AND NOT e.is_secret))
ORDER BY array_position($1, e.id);

-- list_emails --
-- Returns emails of a tenant, or of all (NULL), without bodies and headers: those older than $2, newest first, or newer than
-- $8, oldest first; filtered by states and claims, only test emails if $11, and only with a text ($9) in an address or the
-- subject. Since it is planned with its parameters, the index provides the order in both directions.
SELECT
    e.id, e.tenant_id, e.claim_id, e.from_address, e.from_name, e.reply_to, e.subject, NULL AS text, NULL AS html,
    '{}'::jsonb AS headers,
    e.tags, e.state, e.state_note, e.state_at, e.sent_as, e.sent_from, e.ses_id, e.created_at, e.sent_at, e.expires_at,
    e.send_at, e.on_unknown, e.unknown_window,
    t.state AS tenant_state, t.pause_reason,
    (SELECT (left_today, left_now, slow_reason) FROM sender.allowances AS w WHERE w.tenant_id = e.tenant_id) AS allowed,
    a.state AS account_state, CASE WHEN $12::boolean THEN a.state_note ELSE '' END AS account_note,
    a.sending_enabled AS account_sending_enabled, a.enforcement_status AS account_enforcement_status
FROM sender.emails AS e
JOIN identity.tenants AS t ON t.id = e.tenant_id
LEFT JOIN verifier.ses_account AS a ON a.account = $6 AND a.region = $7
WHERE ($1::uuid IS NULL OR e.tenant_id = $1)
    AND ($2::uuid IS NULL OR e.id < $2)
    AND ($8::uuid IS NULL OR e.id > $8)
    AND ($3::text[] IS NULL OR e.state = ANY ($3))
    AND ($4::uuid[] IS NULL OR e.claim_id = ANY ($4))
    AND (NOT $11::boolean OR (e.is_test AND NOT e.is_secret))
    AND ($9 = '' OR (
        e.id > coalesce(
            (SELECT f.id FROM sender.emails AS f WHERE $1::uuid IS NULL OR f.tenant_id = $1 ORDER BY f.id DESC OFFSET $10 LIMIT 1),
            '00000000-0000-0000-0000-000000000000'
        )
        AND (
            position($9 IN lower(e.subject)) > 0
            OR position($9 IN lower(e.from_address)) > 0
            OR EXISTS (SELECT FROM sender.recipients AS r WHERE r.email_id = e.id AND position($9 IN r.match) > 0)
        )
    ))
ORDER BY CASE WHEN $8::uuid IS NULL THEN e.id END DESC, e.id
LIMIT $5;

-- recipients_of --
-- Returns the recipients of some emails, in each email's order.
SELECT email_id, kind, address, name, state, state_note, state_at
FROM sender.recipients
WHERE email_id = ANY ($1)
ORDER BY email_id, position;

-- attachments_of --
-- Returns the attachments of some emails, in each email's order, without their content.
SELECT email_id, file_name, content_type, content_id, size
FROM sender.attachments
WHERE email_id = ANY ($1)
ORDER BY email_id, position;

-- history_of --
-- Returns the history of an email, oldest first.
SELECT to_state, note, created_at FROM sender.email_transitions WHERE email_id = $1 ORDER BY created_at, id;

-- timeline_of --
-- Returns an email's transitions and SES's events about it, by time, at most $4. Events are matched by our tags, within the
-- tenant ($3), or by SES's own id ($2) if they have no tags.
SELECT at, state, kind, note, detail, recipients
FROM (
    SELECT created_at AS at, id, to_state AS state, NULL AS kind, note, NULL::jsonb AS detail, '{}'::text[] AS recipients
    FROM sender.email_transitions
    WHERE email_id = $1
    UNION ALL
    SELECT occurred_at, id, NULL, kind, '', detail, recipients
    FROM webhooks.feedback
    WHERE email_id = $1 AND tenant_id = $3
    UNION ALL
    SELECT occurred_at, id, NULL, kind, '', detail, recipients
    FROM webhooks.feedback
    WHERE email_id IS NULL AND ses_id = $2
) AS happened
ORDER BY at, id
LIMIT $4;

-- tenant_exists --
-- Returns whether a tenant exists.
SELECT EXISTS (SELECT FROM identity.tenants WHERE id = $1);
