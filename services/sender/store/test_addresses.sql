-- lock --
-- Serializes requests for codes until the end of the transaction, so that the limits hold.
SELECT pg_advisory_xact_lock(hashtextextended('sender.test_addresses', 0));

-- find_request --
-- Returns the test address that a request_id asked for.
SELECT claim_id, address, state, expires_at
FROM sender.test_addresses
WHERE claim_id = :claim_id AND request_id = :request_id;

-- wait --
-- Returns how long until a domain, a tenant and an address may have another code, with limits of :max_of_domain,
-- :max_of_tenant and :max_to_address codes per :window; NULL: now.
SELECT max(created_at) + :window::interval - now()
FROM (
    (
        SELECT created_at FROM sender.test_addresses
        WHERE claim_id = :claim_id AND created_at > now() - :window::interval
        ORDER BY created_at DESC OFFSET :max_of_domain - 1 LIMIT 1
    )
    UNION ALL
    (
        SELECT created_at FROM sender.test_addresses
        WHERE tenant_id = :tenant_id AND created_at > now() - :window::interval
        ORDER BY created_at DESC OFFSET :max_of_tenant - 1 LIMIT 1
    )
    UNION ALL
    (
        SELECT created_at FROM sender.test_addresses
        WHERE address = :address AND created_at > now() - :window::interval
        ORDER BY created_at DESC OFFSET :max_to_address - 1 LIMIT 1
    )
) AS first_of_too_many;

-- end_live --
-- Ends the domain's row that is in a state.
UPDATE sender.test_addresses SET state = 'ENDED' WHERE claim_id = :claim_id AND state = :state;

-- add_code --
-- Stores a code and accepts the email that carries it, which expires when the code does.
WITH added AS (
    INSERT INTO sender.test_addresses (id, claim_id, tenant_id, address, request_id, code_hash, expires_at)
    VALUES (:test_address_id, :claim_id, :tenant_id, :address, :request_id, :code_hash, now() + :code_lives::interval)
    RETURNING claim_id, address, state, expires_at
), accepted AS (
    INSERT INTO sender.emails
        (id, tenant_id, claim_id, account, region, from_address, subject, text, html, tags, size, is_test, is_secret,
         state_note, state_reason, expires_at)
    SELECT
        :email_id, :tenant_id, :claim_id, c.account, c.region, :from_address, :subject, :text, :html, :tags::text::jsonb, :size,
        true, true, :message, :reason, expires_at
    FROM added
    JOIN identity.claims AS c ON c.id = added.claim_id
), addressed AS (
    INSERT INTO sender.recipients (email_id, position, kind, address, match)
    VALUES (:email_id, 0, 'TO', :address, :address)
), transitions AS (
    INSERT INTO sender.email_transitions (id, email_id, to_state, note, reason)
    VALUES (:email_id, :email_id, 'QUEUED', :message, :reason)
), notified AS MATERIALIZED (
    SELECT pg_notify('sender_emails', '')
)
SELECT claim_id, address, state, expires_at FROM added LEFT JOIN notified ON true;

-- lock_live --
-- Locks and returns a domain's open code and confirmation for an address, until the transaction ends.
SELECT id, claim_id, address, state, code_hash, expires_at
FROM sender.test_addresses
WHERE claim_id = :claim_id AND address = :address AND state <> 'ENDED' AND expires_at > now()
ORDER BY state
FOR UPDATE;

-- count_wrong --
-- Counts a wrong code; the last allowed one ends the row. Returns how many tries are left.
UPDATE sender.test_addresses
SET
    wrong_codes = wrong_codes + 1,
    state = CASE WHEN wrong_codes + 1 >= :max_wrong_codes THEN 'ENDED' ELSE state END
WHERE id = :test_address_id AND state = 'CODE_SENT'
RETURNING greatest(0, :max_wrong_codes - wrong_codes);

-- confirm --
-- Confirms an address for a limited time.
UPDATE sender.test_addresses
SET state = 'CONFIRMED', expires_at = now() + :confirmed_for::interval
WHERE id = :test_address_id AND state = 'CODE_SENT'
RETURNING claim_id, address, state, expires_at;

-- is_confirmed --
-- Returns whether an address is the domain's confirmed one.
SELECT EXISTS (
    SELECT FROM sender.test_addresses
    WHERE claim_id = :claim_id AND address = :address AND state = 'CONFIRMED' AND expires_at > now()
);
