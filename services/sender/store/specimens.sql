-- find_domain --
-- A live domain by its id, of a tenant ($2) or, with NULL, of any.
SELECT tenant_id, name, mail_from_label || '.' || name AS return_path, state, dkim_good
FROM identity.domains
WHERE id = $1 AND ($2::uuid IS NULL OR tenant_id = $2) AND state NOT IN ('DELETING', 'DELETED');
