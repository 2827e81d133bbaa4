-- One tenancy boundary: what decides who sees what is a column of ours, never a name or a tag that a caller chose.

-- The operator's own tenant. Immutable, so that no rename and no careless UPDATE makes another tenant the operator.
ALTER TABLE identity.tenants ADD COLUMN is_operator boolean NOT NULL DEFAULT false;

-- The keys between services were always made for the operator's tenant; without any, its name tells.
UPDATE identity.tenants
SET is_operator = true
WHERE id = (
    SELECT id
    FROM (
        SELECT tenant_id AS id, 0 AS rank, created_at FROM identity.api_keys WHERE scope = 'SERVICE'
        UNION ALL
        SELECT id, 1, created_at FROM identity.tenants WHERE name = 'operator'
    ) AS candidate
    ORDER BY rank, created_at
    LIMIT 1
);

-- Forbids a second operator.
CREATE UNIQUE INDEX tenants_operator ON identity.tenants (is_operator) WHERE is_operator;

CREATE FUNCTION identity.refuse_operator_change() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'identity.tenants.is_operator is immutable' USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER tenants_operator_immutable
    BEFORE UPDATE ON identity.tenants
    FOR EACH ROW WHEN (OLD.is_operator IS DISTINCT FROM NEW.is_operator)
    EXECUTE FUNCTION identity.refuse_operator_change();

-- Test emails, which a link shows: told by a column of ours, because tags are the caller's to choose.
ALTER TABLE sender.emails ADD COLUMN is_test boolean NOT NULL DEFAULT false;

-- The domains that the key of the first request was tied to; NULL: it was tied to none. An answer goes to no key that sees less.
ALTER TABLE sender.idempotency ADD COLUMN claim_ids uuid[];

-- What we submitted to SES, by the id that its events carry: attempts of emails, and heartbeats, which are of no tenant.
CREATE VIEW sender.submissions AS
SELECT id, email_id, tenant_id, ses_id FROM sender.attempts
UNION ALL
SELECT id, NULL, NULL, NULL FROM sender.heartbeats;

-- Whose each email is, and SES's id of it.
CREATE VIEW sender.email_references AS
SELECT id, tenant_id, ses_id FROM sender.emails;
