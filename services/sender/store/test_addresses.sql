-- lock --
-- Lets one code be asked for at a time, so that the limits hold; until the end of the transaction.
SELECT pg_advisory_xact_lock(hashtextextended('sender.test_addresses', 0));

-- find_request --
-- What a request_id asked for.
SELECT claim_id, address, state, expires_at FROM sender.test_addresses WHERE claim_id = $1 AND request_id = $2;

-- wait --
-- How long until a domain ($1), a tenant ($2) and an address ($3) may have another code, of so many ($5, $6, $7) in a window ($4); NULL: none of them has to wait.
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
-- Ends a domain's row of a state.
UPDATE sender.test_addresses SET state = 'ENDED' WHERE claim_id = $1 AND state = $2;

-- add_code --
-- Notes a code, and accepts the email with it, which expires when the code does.
WITH added AS (
    INSERT INTO sender.test_addresses (id, claim_id, tenant_id, address, request_id, code_hash, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, now() + $7::interval)
    RETURNING claim_id, address, state, expires_at
), accepted AS (
    INSERT INTO sender.emails
        (id, tenant_id, claim_id, from_address, subject, text, html, tags, size, is_test, is_secret, state_note, expires_at)
    SELECT $8, $3, $2, $9, $10, $11, $12, $13::text::jsonb, $14, true, true, 'Accepted, and waiting for its turn.', expires_at
    FROM added
), addressed AS (
    INSERT INTO sender.recipients (email_id, position, kind, address, match) VALUES ($8, 0, 'TO', $4, $4)
), begun AS (
    INSERT INTO sender.email_transitions (id, email_id, to_state, note) VALUES ($8, $8, 'QUEUED', 'Accepted.')
), notified AS MATERIALIZED (
    SELECT pg_notify('sender_emails', '')
)
SELECT claim_id, address, state, expires_at FROM added LEFT JOIN notified ON true;

-- lock_live --
-- A domain's open code and confirmed address where they are for an address, kept as they are until the transaction ends.
SELECT id, claim_id, address, state, code_hash, expires_at
FROM sender.test_addresses
WHERE claim_id = $1 AND address = $2 AND state <> 'ENDED' AND expires_at > now()
ORDER BY state
FOR UPDATE;

-- count_wrong --
-- Counts a wrong code; the last one ends the row. Gives how many may still be tried.
UPDATE sender.test_addresses
SET
    wrong_codes = wrong_codes + 1,
    state = CASE WHEN wrong_codes + 1 >= $2 THEN 'ENDED' ELSE state END
WHERE id = $1 AND state = 'CODE_SENT'
RETURNING greatest(0, $2 - wrong_codes);

-- confirm --
-- Confirms an address for a time.
UPDATE sender.test_addresses
SET state = 'CONFIRMED', expires_at = now() + $2::interval
WHERE id = $1 AND state = 'CODE_SENT'
RETURNING claim_id, address, state, expires_at;

-- is_confirmed --
-- Whether an address is a domain's confirmed one.
SELECT EXISTS (
    SELECT FROM sender.test_addresses
    WHERE claim_id = $1 AND address = $2 AND state = 'CONFIRMED' AND expires_at > now()
);
