-- Fair provisioning: each control call to SES is a step of its own, and tenants take turns call by call.

ALTER TABLE identity.ses_identities
    -- The tenants whose requests made the identity due; empty while nothing is due.
    ADD COLUMN wanted_by       uuid[] NOT NULL DEFAULT '{}',
    -- The calls to SES that the previous step left to do. They hold only for the next lease and for the same generation;
    -- otherwise the worker starts again by asking SES what it has.
    ADD COLUMN plan            text[] NOT NULL DEFAULT '{}',
    ADD COLUMN plan_lease_token      bigint NOT NULL DEFAULT 0,
    ADD COLUMN plan_generation bigint NOT NULL DEFAULT 0;

-- When each tenant last had a control call to SES made for it: the tenant with the oldest one is next. Written by identity.
CREATE TABLE identity.tenant_calls (
    account   text NOT NULL,
    region    text NOT NULL,
    tenant_id uuid NOT NULL REFERENCES identity.tenants,
    called_at timestamptz NOT NULL,
    PRIMARY KEY (account, region, tenant_id)
);
