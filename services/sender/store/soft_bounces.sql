-- add_soft_bounces --
-- Records soft bounces, each day of an address once; none of test emails and notices. Returns whose were recorded.
INSERT INTO sender.soft_bounces (tenant_id, address, day, bounced_at)
SELECT bounce.tenant_id, bounce.address, (bounce.bounced_at AT TIME ZONE 'UTC')::date, max(bounce.bounced_at)
FROM unnest(:email_ids::uuid[], :tenant_ids::uuid[], :addresses::text[], :bounced_at::timestamptz[])
    AS bounce (email_id, tenant_id, address, bounced_at)
JOIN sender.emails AS e ON e.id = bounce.email_id AND NOT (e.is_test OR e.is_notice)
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3
ON CONFLICT (tenant_id, address, day) DO UPDATE SET bounced_at = greatest(soft_bounces.bounced_at, excluded.bounced_at)
RETURNING tenant_id, address;

-- persistent --
-- Returns which of some addresses soft-bounced on at least :days days within :window of their last soft bounce.
SELECT tenant_id, address
FROM unnest(:tenant_ids::uuid[], :addresses::text[]) AS asked (tenant_id, address)
WHERE :days <= (
    SELECT count(*) FILTER (WHERE b.bounced_at > latest.bounced_at - :window::interval)
    FROM sender.soft_bounces AS b,
        (
            SELECT max(bounced_at) AS bounced_at
            FROM sender.soft_bounces AS last
            WHERE last.tenant_id = asked.tenant_id AND last.address = asked.address
        ) AS latest
    WHERE b.tenant_id = asked.tenant_id AND b.address = asked.address
);

-- reset --
-- Forgets the soft bounces of addresses before a delivery to them.
DELETE FROM sender.soft_bounces AS b
USING unnest(:tenant_ids::uuid[], :addresses::text[], :delivered_at::timestamptz[]) AS delivery (tenant_id, address, delivered_at)
WHERE b.tenant_id = delivery.tenant_id AND b.address = delivery.address AND b.bounced_at <= delivery.delivered_at;
