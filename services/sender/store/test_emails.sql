-- find_domain --
-- Returns a live domain by its id, of a tenant ($2) and among some domains ($3), or of any where these are NULL.
SELECT
    d.tenant_id, d.name, d.mail_from_label || '.' || d.name AS return_path, d.state, d.dkim_valid,
    CASE WHEN t.state = 'PAUSED' THEN t.pause_reason END AS pause_reason
FROM identity.domains AS d
JOIN identity.tenants AS t ON t.id = d.tenant_id
WHERE d.id = $1 AND ($2::uuid IS NULL OR d.tenant_id = $2) AND ($3::uuid[] IS NULL OR d.id = ANY ($3))
    AND d.state NOT IN ('DELETING', 'DELETED');
