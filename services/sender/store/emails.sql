-- get_emails --
-- Returns complete emails of :tenant_id and some of its claims (:claim_ids), or of any where these are NULL; only test emails
-- if :only_tests. The note on the account may quote AWS, so only operators (:of_installation) see it.
SELECT
    e.id, e.tenant_id, e.claim_id, e.from_address, e.from_name, e.reply_to, e.subject,
    CASE WHEN NOT e.is_secret THEN e.text END AS text, CASE WHEN NOT e.is_secret THEN e.html END AS html, e.headers,
    e.tags, e.state, e.state_note, e.state_reason, e.state_parameters, e.state_at, e.sent_as, e.sent_from, e.ses_id, e.region, e.created_at, e.sent_at, e.expires_at,
    e.send_at, e.on_unknown, e.unknown_window,
    t.state AS tenant_state, t.pause_reason,
    (SELECT (left_today, left_now, slow_reason) FROM sender.allowances AS w WHERE w.tenant_id = e.tenant_id) AS allowed,
    a.state AS account_state, CASE WHEN :of_installation::boolean THEN a.state_note ELSE '' END AS account_note,
    a.sending_enabled AS account_sending_enabled, a.enforcement_status AS account_enforcement_status
FROM sender.emails AS e
JOIN identity.tenants AS t ON t.id = e.tenant_id
LEFT JOIN verifier.ses_account AS a ON a.account = e.account AND a.region = e.region
WHERE e.id = ANY (:email_ids)
    AND (:tenant_id::uuid IS NULL OR e.tenant_id = :tenant_id)
    AND (:claim_ids::uuid[] IS NULL OR e.claim_id = ANY (:claim_ids))
    AND (NOT :only_tests::boolean OR (e.is_test AND NOT e.is_secret))
ORDER BY array_position(:email_ids, e.id);

-- list_emails --
-- Returns emails of a tenant, or of all (NULL), without bodies and headers: those older than :after, newest first, or newer
-- than :before, oldest first; filtered by states and claims, only test emails if :only_tests, and only with the text :search
-- in an address or the subject, among the newest :searched. Since it is planned with its parameters, the index provides the
-- order in both directions.
SELECT
    e.id, e.tenant_id, e.claim_id, e.from_address, e.from_name, e.reply_to, e.subject, NULL AS text, NULL AS html,
    '{}'::jsonb AS headers,
    e.tags, e.state, e.state_note, e.state_reason, e.state_parameters, e.state_at, e.sent_as, e.sent_from, e.ses_id, e.region, e.created_at, e.sent_at, e.expires_at,
    e.send_at, e.on_unknown, e.unknown_window,
    t.state AS tenant_state, t.pause_reason,
    (SELECT (left_today, left_now, slow_reason) FROM sender.allowances AS w WHERE w.tenant_id = e.tenant_id) AS allowed,
    a.state AS account_state, CASE WHEN :of_installation::boolean THEN a.state_note ELSE '' END AS account_note,
    a.sending_enabled AS account_sending_enabled, a.enforcement_status AS account_enforcement_status
FROM sender.emails AS e
JOIN identity.tenants AS t ON t.id = e.tenant_id
LEFT JOIN verifier.ses_account AS a ON a.account = e.account AND a.region = e.region
WHERE (:tenant_id::uuid IS NULL OR e.tenant_id = :tenant_id)
    AND (:after::uuid IS NULL OR e.id < :after)
    AND (:before::uuid IS NULL OR e.id > :before)
    AND (:states::text[] IS NULL OR e.state = ANY (:states))
    AND (:claim_ids::uuid[] IS NULL OR e.claim_id = ANY (:claim_ids))
    AND (NOT :only_tests::boolean OR (e.is_test AND NOT e.is_secret))
    AND (:search = '' OR (
        e.id > coalesce(
            (
                SELECT f.id FROM sender.emails AS f
                WHERE :tenant_id::uuid IS NULL OR f.tenant_id = :tenant_id
                ORDER BY f.id DESC OFFSET :searched LIMIT 1
            ),
            '00000000-0000-0000-0000-000000000000'
        )
        AND (
            position(:search IN lower(e.subject)) > 0
            OR position(:search IN lower(e.from_address)) > 0
            OR EXISTS (SELECT FROM sender.recipients AS r WHERE r.email_id = e.id AND position(:search IN r.match) > 0)
        )
    ))
ORDER BY CASE WHEN :before::uuid IS NULL THEN e.id END DESC, e.id
LIMIT :limit;

-- recipients_of --
-- Returns the recipients of some emails, in each email's order.
SELECT email_id, kind, address, name, state, state_note, state_reason, state_parameters, state_at
FROM sender.recipients
WHERE email_id = ANY (:email_ids)
ORDER BY email_id, position;

-- attachments_of --
-- Returns the attachments of some emails, in each email's order, without their content.
SELECT email_id, file_name, content_type, content_id, size
FROM sender.attachments
WHERE email_id = ANY (:email_ids)
ORDER BY email_id, position;

-- history_of --
-- Returns the history of an email, oldest first.
SELECT to_state, note, reason, parameters, created_at
FROM sender.email_transitions
WHERE email_id = :email_id
ORDER BY created_at, id;

-- timeline_of --
-- Returns an email's transitions and SES's events about it, by time, at most :limit. Events are matched by our tags, within the
-- tenant, or by SES's own id if they have no tags.
SELECT at, state, note, reason, parameters, kind, detail, recipients
FROM (
    SELECT
        created_at AS at, id, to_state AS state, note, reason, parameters,
        NULL AS kind, NULL::jsonb AS detail, '{}'::text[] AS recipients
    FROM sender.email_transitions
    WHERE email_id = :email_id
    UNION ALL
    SELECT occurred_at, id, NULL, NULL, NULL, NULL, kind, detail, recipients
    FROM webhooks.feedback
    WHERE email_id = :email_id AND tenant_id = :tenant_id
    UNION ALL
    SELECT occurred_at, id, NULL, NULL, NULL, NULL, kind, detail, recipients
    FROM webhooks.feedback
    WHERE email_id IS NULL AND ses_id = :ses_id
) AS happened
ORDER BY at, id
LIMIT :limit;

-- message_ids --
-- Returns the emails of :tenant_id, and of some of its claims (:claim_ids), that have one of these ids or SES ids.
SELECT id, ses_id, region
FROM sender.emails
WHERE (id = ANY (:email_ids::uuid[]) OR ses_id = ANY (:ses_ids::text[]))
    AND (:tenant_id::uuid IS NULL OR tenant_id = :tenant_id)
    AND (:claim_ids::uuid[] IS NULL OR claim_id = ANY (:claim_ids));

-- tenant_exists --
-- Returns whether a tenant exists.
SELECT EXISTS (SELECT FROM identity.tenants WHERE id = :tenant_id);
