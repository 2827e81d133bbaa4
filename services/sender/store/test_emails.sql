-- find_domain --
-- Returns a live domain by its id, of :tenant_id and among :claim_ids, or of any where these are NULL.
SELECT
    d.tenant_id, d.name, d.mail_from_label || '.' || d.name AS return_path, d.state, d.dkim_valid,
    CASE WHEN t.state = 'PAUSED' THEN t.pause_reason END AS pause_reason
FROM identity.domains AS d
JOIN identity.tenants AS t ON t.id = d.tenant_id
WHERE d.id = :claim_id
    AND (:tenant_id::uuid IS NULL OR d.tenant_id = :tenant_id)
    AND (:claim_ids::uuid[] IS NULL OR d.id = ANY (:claim_ids))
    AND d.state NOT IN ('DELETING', 'DELETED');
