-- lock_name --
-- Serialize all changes of a name's claims and identity. Always the first lock after the tenant row.
SELECT pg_advisory_xact_lock(hashtextextended(:name, 7131))

-- lock_claim --
-- Wait for transactions that are opening an attempt under the claim, and block new ones until the commit.
SELECT pg_advisory_xact_lock(chassis.claim_lock(:claim_id))

-- notify --
-- Notify the workers and the waiting rpcs of every replica that something changed.
SELECT pg_notify('identity_work', '')

-- get_claim --
-- Return one claim, limited to one tenant and to the domains :claim_ids; NULL: no limit.
SELECT id, tenant_id, ses_identity_id, region, name, mail_from_label, phase, generation, revision,
    ownership, ownership_token, ownership_deadline_at
FROM identity.claims
WHERE id = :claim_id
    AND (:tenant_id::uuid IS NULL OR tenant_id = :tenant_id)
    AND (:claim_ids::uuid[] IS NULL OR id = ANY (:claim_ids))

-- move_claim --
-- Move a claim from one phase to another; no row if it was in another phase. A DELETING claim is due at once.
UPDATE identity.claims
SET phase = :after,
    phase_note = '',
    phase_reason = '',
    phase_parameters = '{}',
    phase_at = now(),
    revision = revision + 1,
    due_at = CASE WHEN :after = 'DELETING' THEN now() END,
    leased_until = NULL,
    updated_at = now()
WHERE id = :claim_id AND phase = :before
RETURNING id, tenant_id, ses_identity_id, region, name, mail_from_label, phase, generation, revision,
    ownership, ownership_token, ownership_deadline_at

-- insert_transition --
-- Append to a claim's history.
INSERT INTO identity.claim_transitions (id, claim_id, from_phase, to_phase, cause)
VALUES (:id, :claim_id, :before, :after, :cause)

-- delete_records --
-- Delete the records shown for a claim.
DELETE FROM identity.records
WHERE claim_id = :claim_id

-- insert_records --
-- Store the records shown for a claim's current generation. Only those that advise are of the advisory revision.
INSERT INTO identity.records (
    claim_id, generation, position, purpose, ordinal, type, name, value, priority, ttl, required, advisory_revision
)
SELECT :claim_id, :generation, record.position, record.purpose, record.ordinal, record.type, record.name, record.value,
       record.priority, record.ttl, record.required, CASE WHEN record.required THEN 1 ELSE :advisory_revision END
FROM
    unnest(
        :purposes::text[], :ordinals::int[], :types::text[], :names::text[], :values::text[],
        :priorities::int[], :ttls::int[], :required::bool[]
    )
    WITH ORDINALITY
    AS record (purpose, ordinal, type, name, value, priority, ttl, required, position)

-- change_identity --
-- Request an update of the SES identity; :mail_from_label is the holder's new MAIL FROM label or NULL. An update that
-- is already under way continues unless the label changes.
UPDATE identity.ses_identities
SET generation = generation + CASE WHEN state = 'WANTED' AND :mail_from_label::text IS NULL THEN 0 ELSE 1 END,
    state = 'WANTED',
    mail_from_label = coalesce(:mail_from_label, mail_from_label),
    wanted_by = CASE
        WHEN state = 'WANTED' THEN array_remove(wanted_by, :tenant_id) || :tenant_id::uuid
        ELSE ARRAY[:tenant_id::uuid]
    END,
    due_at = least(due_at, now()),
    updated_at = now()
WHERE id = :ses_identity_id
