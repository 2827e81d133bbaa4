-- What events say about the email that they are about, so that subscribers need no second call.

CREATE OR REPLACE VIEW sender.email_references AS
SELECT
    e.id,
    e.tenant_id,
    e.ses_id,
    e.claim_id,
    e.from_address,
    e.from_name,
    e.subject,
    e.tags,
    e.created_at,
    e.send_at,
    c.name AS domain,
    c.region,
    -- [kind, address, whether it was left out because it is suppressed] of each recipient, in order.
    (
        SELECT jsonb_agg(jsonb_build_array(r.kind, r.address, r.state = 'SUPPRESSED') ORDER BY r.position)
        FROM sender.recipients AS r
        WHERE r.email_id = e.id
    ) AS recipients
FROM sender.emails AS e
LEFT JOIN identity.claims AS c ON c.id = e.claim_id;
