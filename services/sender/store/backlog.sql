-- measure --
-- Counts held and unknown emails, each up to $1, and tenants that are slowed down.
SELECT
    (SELECT count(*) FROM (SELECT FROM sender.emails WHERE state = 'HELD' LIMIT $1) AS counted) AS held,
    (SELECT count(*) FROM (SELECT FROM sender.emails WHERE state = 'UNKNOWN' LIMIT $1) AS counted) AS unknown,
    (SELECT count(*) FROM sender.reputations WHERE slowed_until > now()) AS slowed;
