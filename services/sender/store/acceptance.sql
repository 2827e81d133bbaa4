-- accept_emails --
-- Stores emails with recipients, attachments and history, together with the answers to their request ids (NULL: none).
-- Returns no emails for a request whose id was used before; waits for a transaction that is storing the same id.
-- Request ids are always inserted in the same order, to avoid deadlocks. The first transition of an email has the email's
-- own id. An email is in the SES region of its claim. :request_claims are the domains that each request's key is restricted to. The spans of a request's emails and
-- rejections among all of them are from :first_emails to :last_emails, and from :first_rejections to :last_rejections.
WITH first AS (
    INSERT INTO sender.idempotency (tenant_id, request_id, content_hash, claim_ids, email_ids, rejections)
    SELECT
        tenant_id, request_id, content_hash, claim_ids::uuid[],
        (:email_ids::uuid[])[first_email : last_email], (:rejections::bytea[])[first_rejection : last_rejection]
    FROM unnest(
        :request_tenants::uuid[], :request_ids::text[], :content_hashes::bytea[], :first_emails::integer[],
        :last_emails::integer[], :first_rejections::integer[], :last_rejections::integer[], :request_claims::text[]
    ) AS request (
        tenant_id, request_id, content_hash, first_email, last_email, first_rejection, last_rejection, claim_ids
    )
    WHERE request_id IS NOT NULL
    ORDER BY tenant_id, request_id
    ON CONFLICT ON CONSTRAINT idempotency_key DO NOTHING
    RETURNING tenant_id, request_id
), accepted AS (
    INSERT INTO sender.emails
        (id, tenant_id, claim_id, account, region, from_address, from_name, subject, text, html, reply_to, headers, tags, size,
         send_at, on_unknown, unknown_window, is_test, state_note, state_reason, not_before, expires_at)
    SELECT
        draft.id, draft.tenant_id, claim_id, c.account, c.region, from_address, from_name, subject, text, html,
        coalesce(reply_to::jsonb, '[]'), coalesce(headers::jsonb, '{}'), coalesce(tags::jsonb, '{}'),
        size, send_at, on_unknown, unknown_window, is_test, message, reason,
        coalesce(send_at, now()), greatest(send_at, now()) + :deadline::interval
    FROM unnest(
        :email_ids::uuid[], :email_tenants::uuid[], :email_requests::text[], :email_claims::uuid[],
        :from_addresses::text[], :from_names::text[], :subjects::text[], :texts::text[], :htmls::text[],
        :reply_tos::text[], :headers::text[], :tags::text[], :sizes::bigint[], :send_ats::timestamptz[],
        :on_unknowns::text[], :unknown_windows::interval[], :are_tests::boolean[], :messages::text[], :reasons::text[]
    ) AS draft (
        id, tenant_id, request_id, claim_id, from_address, from_name, subject, text, html,
        reply_to, headers, tags, size, send_at, on_unknown, unknown_window, is_test, message, reason
    )
    JOIN identity.claims AS c ON c.id = draft.claim_id
    WHERE request_id IS NULL OR (draft.tenant_id, request_id) IN (SELECT tenant_id, request_id FROM first)
    RETURNING id, state_note, state_reason, created_at, expires_at
), addressed AS (
    INSERT INTO sender.recipients (email_id, position, kind, address, name, match)
    SELECT email_id, position, kind, address, name, replace(lower(address), '"', '')
    FROM unnest(
        :recipient_emails::uuid[], :recipient_positions::integer[], :kinds::text[], :addresses::text[], :names::text[]
    ) AS recipient (email_id, position, kind, address, name)
    WHERE email_id IN (SELECT id FROM accepted)
), attached AS (
    INSERT INTO sender.attachments (email_id, position, file_name, content_type, content_id, size, content)
    SELECT email_id, position, file_name, content_type, content_id, length(content), content
    FROM unnest(
        :attachment_emails::uuid[], :attachment_positions::integer[], :file_names::text[], :content_types::text[],
        :content_ids::text[], :contents::bytea[]
    ) AS attachment (email_id, position, file_name, content_type, content_id, content)
    WHERE email_id IN (SELECT id FROM accepted)
), transitions AS (
    INSERT INTO sender.email_transitions (id, email_id, to_state, note, reason)
    SELECT id, id, 'QUEUED', state_note, state_reason FROM accepted
), notified AS MATERIALIZED (
    SELECT pg_notify('sender_emails', '') WHERE EXISTS (SELECT FROM accepted)
)
SELECT id, created_at, expires_at FROM accepted LEFT JOIN notified ON true;

-- find_request --
-- Returns the stored answer to a request_id, emptied if the key may not see it. A key restricted to :claim_ids may see
-- requests of keys restricted to a subset of them, and requests whose emails are all from its own domains.
SELECT
    CASE WHEN visible THEN content_hash ELSE '' END AS content_hash,
    CASE WHEN visible THEN email_ids ELSE '{}' END AS email_ids,
    CASE WHEN visible THEN rejections ELSE '{}' END AS rejections
FROM sender.idempotency AS i
CROSS JOIN LATERAL (
    SELECT
        :claim_ids::uuid[] IS NULL
        OR coalesce(i.claim_ids <@ :claim_ids, false)
        OR (
            cardinality(i.rejections) = 0
            AND cardinality(i.email_ids) = (
                SELECT count(*) FROM sender.emails AS e WHERE e.id = ANY (i.email_ids) AND e.claim_id = ANY (:claim_ids)
            )
        ) AS visible
) AS visibility
WHERE tenant_id = :tenant_id AND request_id = :request_id;

-- verifications_by_domain --
-- Returns the verification status of tenants' live domains by name, each with the position of its lookup key, and last those
-- of the operator's :shared_domains, one of each region. :claim_ids are the domains each caller may see; NULL: all of its
-- tenant's.
SELECT
    d.id AS claim_id, d.tenant_id, d.account, d.region, d.name, d.state, d.dkim_valid, d.ownership,
    t.state AS tenant_state, t.name AS tenant_name, t.pause_reason, t.unready_policy, false AS shared, sender.ordinal
FROM unnest(:tenant_ids::uuid[], :names::text[], :claim_ids::text[])
    WITH ORDINALITY AS sender (tenant_id, name, claim_ids, ordinal)
JOIN identity.domains AS d
    ON d.tenant_id = sender.tenant_id AND d.name = sender.name AND d.state <> 'DELETED'
    AND (sender.claim_ids IS NULL OR d.id = ANY (sender.claim_ids::uuid[]))
JOIN identity.tenants AS t ON t.id = d.tenant_id
UNION ALL
SELECT
    d.id, d.tenant_id, d.account, d.region, d.name, d.state, d.dkim_valid, d.ownership,
    t.state, t.name, t.pause_reason, t.unready_policy, true, NULL
FROM unnest(:shared_accounts::text[], :shared_regions::text[], :shared_domains::text[]) AS shared (account, region, name)
JOIN identity.domains AS d
    ON d.name = shared.name AND d.account = shared.account AND d.region = shared.region AND d.state <> 'DELETED'
JOIN identity.tenants AS t ON t.id = d.tenant_id AND t.is_operator;
