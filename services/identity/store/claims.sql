-- lock_name --
-- Serialize all changes of a name's claims and identity. Always the first lock after the tenant row.
SELECT pg_advisory_xact_lock(hashtextextended($1, 7131))

-- lock_claim --
-- Wait for transactions that are opening an attempt under the claim, and block new ones until the commit.
SELECT pg_advisory_xact_lock(chassis.claim_lock($1))

-- notify --
-- Notify the workers and the waiting rpcs of every replica that something changed.
SELECT pg_notify('identity_work', '')

-- get_claim --
-- Return one claim, limited to one tenant ($2) and some domains ($3); NULL: no limit.
SELECT id, tenant_id, ses_identity_id, region, name, mail_from_label, phase, generation, revision,
    ownership, ownership_token, ownership_deadline_at
FROM identity.claims
WHERE id = $1 AND ($2::uuid IS NULL OR tenant_id = $2) AND ($3::uuid[] IS NULL OR id = ANY ($3))

-- move_claim --
-- Move a claim from one phase to another; no row if it was in another phase. A DELETING claim is due at once.
UPDATE identity.claims
SET phase = $3,
    phase_note = '',
    phase_at = now(),
    revision = revision + 1,
    due_at = CASE WHEN $3 = 'DELETING' THEN now() END,
    leased_until = NULL,
    updated_at = now()
WHERE id = $1 AND phase = $2
RETURNING id, tenant_id, ses_identity_id, region, name, mail_from_label, phase, generation, revision,
    ownership, ownership_token, ownership_deadline_at

-- insert_transition --
-- Append to a claim's history.
INSERT INTO identity.claim_transitions (id, claim_id, from_phase, to_phase, cause)
VALUES ($1, $2, $3, $4, $5)

-- delete_records --
-- Delete the records shown for a claim.
DELETE FROM identity.records
WHERE claim_id = $1

-- insert_records --
-- Store the records shown for a claim's current generation.
INSERT INTO identity.records (
    claim_id, generation, position, purpose, ordinal, type, name, value, priority, ttl, required
)
SELECT $1, $2, record.position, record.purpose, record.ordinal, record.type, record.name, record.value,
       record.priority, record.ttl, record.required
FROM unnest($3::text[], $4::int[], $5::text[], $6::text[], $7::text[], $8::int[], $9::int[], $10::bool[])
    WITH ORDINALITY
    AS record (purpose, ordinal, type, name, value, priority, ttl, required, position)

-- change_identity --
-- Request an update of the SES identity; $2: the holder's new MAIL FROM label or NULL. An update that is already
-- under way continues unless the label changes.
UPDATE identity.ses_identities
SET generation = generation + CASE WHEN state = 'WANTED' AND $2::text IS NULL THEN 0 ELSE 1 END,
    state = 'WANTED',
    mail_from_label = coalesce($2, mail_from_label),
    wanted_by = CASE WHEN state = 'WANTED' THEN array_remove(wanted_by, $3) || $3::uuid ELSE ARRAY[$3::uuid] END,
    due_at = least(due_at, now()),
    updated_at = now()
WHERE id = $1
