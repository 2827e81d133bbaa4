-- lock --
-- Serializes decisions on notices until the end of the transaction, so that the limits hold.
SELECT pg_advisory_xact_lock(hashtextextended('sender.notices', 0));

-- circumstances --
-- Returns what decides on a notice of a tenant: the tenant's name and contact, the operator's :shared_domain that it is sent
-- from (NULL: there is none), and how many of its kind were sent in a day, and in an hour about the same domain.
SELECT
    now() AS now, t.name AS tenant_name, t.contact_address AS contact,
    shared.id AS shared_claim_id, shared.tenant_id AS operator_id, sent.today AS sent_today, sent.lately AS sent_lately
FROM identity.tenants AS t
LEFT JOIN LATERAL (
    SELECT d.id, d.tenant_id
    FROM identity.domains AS d
    JOIN identity.tenants AS o ON o.id = d.tenant_id AND o.is_operator
    WHERE d.name = :shared_domain AND d.state NOT IN ('DELETING', 'DELETED')
) AS shared ON true
CROSS JOIN LATERAL (
    SELECT
        count(*) AS today,
        count(*) FILTER (WHERE n.domain = :domain AND n.created_at > now() - :hour::interval) AS lately
    FROM sender.notices AS n
    WHERE n.tenant_id = t.id AND n.kind = :kind AND n.email_id IS NOT NULL AND n.created_at > now() - :day::interval
) AS sent
WHERE t.id = :tenant_id;

-- add_notice --
-- Records a notice with its email, or why there is none; the event id was not used before (chassis/events/consumer.py).
INSERT INTO sender.notices (event_id, tenant_id, kind, domain, email_id, unsent_reason, confirmation_id, code_hash)
VALUES (:event_id, :tenant_id, :kind, :domain, :email_id, :unsent_reason, :confirmation_id, :code_hash);

-- undelivered --
-- Counts the notices of a day that did not reach their tenant by reason: why none was sent, the last state of the email, or
-- that it bounced; among the newest :limit. A confirmation that does not arrive at its address does not count: the address
-- may be mistyped.
SELECT reason, count(*) AS notices
FROM (
    SELECT
        n.kind,
        CASE
            WHEN n.email_id IS NULL THEN n.unsent_reason
            WHEN e.state IN ('FAILED', 'EXPIRED', 'SUPPRESSED') THEN e.state
            WHEN r.state IN ('BOUNCED') THEN r.state
        END AS reason
    FROM sender.notices AS n
    LEFT JOIN sender.emails AS e ON e.id = n.email_id
    LEFT JOIN sender.recipients AS r ON r.email_id = n.email_id
    WHERE n.created_at > now() - :day::interval
    ORDER BY n.created_at DESC
    LIMIT :limit
) AS notice
WHERE reason IS NOT NULL AND NOT (kind = 'CONTACT_CONFIRMATION' AND reason IN ('SUPPRESSED', 'BOUNCED'))
GROUP BY reason;
