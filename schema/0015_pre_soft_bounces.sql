-- Addresses that soft-bounce on several days are suppressed for a while: `suppressions.expires_at`.

-- The days on which an address soft-bounced; a delivery to it deletes them. Written by sender.
CREATE TABLE sender.soft_bounces (
    tenant_id  uuid NOT NULL,
    -- In lower case.
    address    text NOT NULL,
    -- UTC.
    day        date NOT NULL,
    -- The last of that day.
    bounced_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, address, day)
);
-- Serves retention.
CREATE INDEX soft_bounces_day ON sender.soft_bounces (day);

-- Serves retention: suppressions that have ended.
CREATE INDEX suppressions_expires_at ON sender.suppressions (expires_at) WHERE expires_at IS NOT NULL;
