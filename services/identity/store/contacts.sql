-- lock --
-- Serialize requests for codes until the end of the transaction, so that the limits hold.
SELECT pg_advisory_xact_lock(hashtextextended('identity.contact_confirmations', 0))

-- get_contact --
-- Return a tenant's confirmed address, and the one whose code is active.
SELECT
    t.id AS tenant_id, t.contact_address AS address, t.contact_confirmed_at AS confirmed_at,
    coalesce(c.address, '') AS pending_address, c.expires_at AS code_expires_at
FROM identity.tenants AS t
LEFT JOIN identity.contact_confirmations AS c
    ON c.tenant_id = t.id AND c.state = 'REQUESTED' AND c.expires_at > now()
WHERE t.id = :tenant_id

-- wait --
-- Return how long until a tenant and an address may have another code, with limits of :max_of_tenant and :max_to_address
-- codes per :window; NULL: now.
SELECT max(created_at) + :window::interval - now()
FROM (
    (
        SELECT created_at
        FROM identity.contact_confirmations
        WHERE tenant_id = :tenant_id AND created_at > now() - :window::interval
        ORDER BY created_at DESC OFFSET :max_of_tenant - 1 LIMIT 1
    )
    UNION ALL
    (
        SELECT created_at
        FROM identity.contact_confirmations
        WHERE address = :address AND created_at > now() - :window::interval
        ORDER BY created_at DESC OFFSET :max_to_address - 1 LIMIT 1
    )
) AS first_of_too_many

-- add_confirmation --
-- Store an address to confirm.
INSERT INTO identity.contact_confirmations (id, tenant_id, address, expires_at)
VALUES (:confirmation_id, :tenant_id, :address, now() + :code_lives::interval)
RETURNING id, tenant_id, address, expires_at

-- end_confirmations --
-- End the tenant's confirmations that are in one of these states.
UPDATE identity.contact_confirmations
SET state = 'ENDED'
WHERE tenant_id = :tenant_id AND state = ANY (:states::text[])

-- lock_live --
-- Lock and return a tenant's confirmations whose code has not expired, with the hash of the code that sender emailed; empty
-- until then.
SELECT c.id, c.tenant_id, c.address, c.state, c.expires_at, coalesce(emailed.code_hash, '') AS code_hash
FROM identity.contact_confirmations AS c
LEFT JOIN sender.contact_codes AS emailed ON emailed.confirmation_id = c.id
WHERE c.tenant_id = :tenant_id AND c.state <> 'ENDED' AND c.expires_at > now()
FOR UPDATE OF c

-- count_wrong --
-- Count a wrong code; the last allowed one ends the confirmation. Return how many tries are left.
UPDATE identity.contact_confirmations
SET
    wrong_codes = wrong_codes + 1,
    state = CASE WHEN wrong_codes + 1 >= :max_wrong_codes THEN 'ENDED' ELSE state END
WHERE id = :confirmation_id AND state = 'REQUESTED'
RETURNING greatest(0, :max_wrong_codes - wrong_codes)

-- confirm --
-- Record that the code was entered in time.
UPDATE identity.contact_confirmations
SET state = 'CONFIRMED'
WHERE id = :confirmation_id AND state = 'REQUESTED'

-- set_contact --
-- Change a tenant's confirmed address, '' for none, and return the one that it replaces; no row if it is the same.
UPDATE identity.tenants AS t
SET contact_address = :address,
    contact_confirmed_at = CASE WHEN :address <> '' THEN now() END,
    updated_at = now()
FROM (SELECT id, contact_address FROM identity.tenants WHERE id = :tenant_id FOR NO KEY UPDATE) AS before
WHERE t.id = before.id AND before.contact_address <> :address
RETURNING before.contact_address AS previous_address
