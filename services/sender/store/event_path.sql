-- start_heartbeat --
-- Records a heartbeat that is about to be sent from the shared domain, if it is READY and none was sent within :interval.
INSERT INTO sender.heartbeats (id, source)
SELECT :heartbeat_id, :source
WHERE NOT EXISTS (SELECT FROM sender.heartbeats WHERE source = :source AND opened_at > now() - :interval::interval)
    AND EXISTS (
        SELECT
        FROM identity.domains AS d
        JOIN identity.tenants AS t ON t.id = d.tenant_id
        WHERE d.name = :shared_domain AND d.account = :account AND d.region = :region AND d.state = 'READY' AND t.is_operator
    )
RETURNING id;

-- heartbeats --
-- Returns when the newest heartbeats were sent, and when SES's event about each arrived; the newest first.
SELECT
    h.opened_at AS sent_at,
    (SELECT min(f.received_at) FROM webhooks.feedback AS f WHERE f.attempt_id = h.id AND f.kind = 'SEND') AS received_at
FROM sender.heartbeats AS h
WHERE h.source = :source
ORDER BY h.opened_at DESC
LIMIT :limit;

-- emails --
-- Counts the emails that SES accepted from the region within the last hour, and those of them that it has reported; of the newest
-- :considered attempts, whose ids are in the order of their time, and only after its events had :within to arrive.
SELECT
    count(*) AS accepted,
    count(*) FILTER (WHERE EXISTS (SELECT FROM webhooks.feedback AS f WHERE f.attempt_id = newest.id)) AS reported
FROM (
    SELECT id, account, region, state, opened_at FROM sender.attempts ORDER BY id DESC LIMIT :considered
) AS newest
WHERE state = 'ACCEPTED' AND account = :account AND region = :region
    AND opened_at BETWEEN now() - interval '1 hour' AND now() - :within::interval;
