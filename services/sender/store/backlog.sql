-- measure --
-- Counts held and unknown emails, each up to :limit, and tenants that are slowed down.
SELECT
    (SELECT count(*) FROM (SELECT FROM sender.emails WHERE state = 'HELD' LIMIT :limit) AS counted) AS held,
    (SELECT count(*) FROM (SELECT FROM sender.emails WHERE state = 'UNKNOWN' LIMIT :limit) AS counted) AS unknown,
    (SELECT count(*) FROM sender.reputations WHERE slowed_until > now()) AS slowed;
