-- lock --
-- Serializes requests for codes until the end of the transaction, so that the limits hold.
SELECT pg_advisory_xact_lock(hashtextextended('sender.test_addresses', 0));

-- find_request --
-- Returns the test address that a request_id asked for.
SELECT claim_id, address, state, expires_at FROM sender.test_addresses WHERE claim_id = $1 AND request_id = $2;

-- wait --
-- Returns how long until a domain ($1), a tenant ($2) and an address ($3) may have another code, with limits of $5, $6 and $7
-- codes per window ($4); NULL: now.
SELECT max(created_at) + $4::interval - now()
FROM (
    (
        SELECT created_at FROM sender.test_addresses
        WHERE claim_id = $1 AND created_at > now() - $4::interval
        ORDER BY created_at DESC OFFSET $5 - 1 LIMIT 1
    )
    UNION ALL
    (
        SELECT created_at FROM sender.test_addresses
        WHERE tenant_id = $2 AND created_at > now() - $4::interval
        ORDER BY created_at DESC OFFSET $6 - 1 LIMIT 1
    )
    UNION ALL
    (
        SELECT created_at FROM sender.test_addresses
        WHERE address = $3 AND created_at > now() - $4::interval
        ORDER BY created_at DESC OFFSET $7 - 1 LIMIT 1
    )
) AS first_of_too_many;

-- end_live --
-- Ends the domain's row that is in a state.
UPDATE sender.test_addresses SET state = 'ENDED' WHERE claim_id = $1 AND state = $2;

-- add_code --
-- Stores a code and accepts the email that carries it, which expires when the code does.
WITH added AS (
    INSERT INTO sender.test_addresses (id, claim_id, tenant_id, address, request_id, code_hash, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, now() + $7::interval)
    RETURNING claim_id, address, state, expires_at
), accepted AS (
    INSERT INTO sender.emails
        (id, tenant_id, claim_id, from_address, subject, text, html, tags, size, is_test, is_secret, state_note, expires_at)
    SELECT $8, $3, $2, $9, $10, $11, $12, $13::text::jsonb, $14, true, true, 'Accepted and queued.', expires_at
    FROM added
), addressed AS (
    INSERT INTO sender.recipients (email_id, position, kind, address, match) VALUES ($8, 0, 'TO', $4, $4)
), transitions AS (
    INSERT INTO sender.email_transitions (id, email_id, to_state, note) VALUES ($8, $8, 'QUEUED', 'Accepted.')
), notified AS MATERIALIZED (
    SELECT pg_notify('sender_emails', '')
)
SELECT claim_id, address, state, expires_at FROM added LEFT JOIN notified ON true;

-- lock_live --
-- Locks and returns a domain's open code and confirmation for an address, until the transaction ends.
SELECT id, claim_id, address, state, code_hash, expires_at
FROM sender.test_addresses
WHERE claim_id = $1 AND address = $2 AND state <> 'ENDED' AND expires_at > now()
ORDER BY state
FOR UPDATE;

-- count_wrong --
-- Counts a wrong code; the last allowed one ends the row. Returns how many tries are left.
UPDATE sender.test_addresses
SET
    wrong_codes = wrong_codes + 1,
    state = CASE WHEN wrong_codes + 1 >= $2 THEN 'ENDED' ELSE state END
WHERE id = $1 AND state = 'CODE_SENT'
RETURNING greatest(0, $2 - wrong_codes);

-- confirm --
-- Confirms an address for a limited time.
UPDATE sender.test_addresses
SET state = 'CONFIRMED', expires_at = now() + $2::interval
WHERE id = $1 AND state = 'CODE_SENT'
RETURNING claim_id, address, state, expires_at;

-- is_confirmed --
-- Returns whether an address is the domain's confirmed one.
SELECT EXISTS (
    SELECT FROM sender.test_addresses
    WHERE claim_id = $1 AND address = $2 AND state = 'CONFIRMED' AND expires_at > now()
);
