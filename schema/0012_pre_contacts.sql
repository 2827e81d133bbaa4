-- The contact of a tenant, confirmed with a code, and the notices that sender emails to it. tenants.contact_address, reserved by
-- 0002, is the confirmed address.

ALTER TABLE identity.tenants ADD COLUMN contact_confirmed_at timestamptz;

-- Addresses that tenants want as their contact. sender has the hashes of their codes.
CREATE TABLE identity.contact_confirmations (
    id          uuid PRIMARY KEY,
    tenant_id   uuid NOT NULL REFERENCES identity.tenants,
    address     text NOT NULL, -- in lower case
    state       text NOT NULL DEFAULT 'REQUESTED',
    wrong_codes integer NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL, -- of the code
    CONSTRAINT contact_confirmations_state CHECK (state IN ('REQUESTED', 'CONFIRMED', 'ENDED'))
);
-- Allows one active code and one confirmed address for each tenant, and finds them.
CREATE UNIQUE INDEX contact_confirmations_live ON identity.contact_confirmations (tenant_id, state) WHERE state <> 'ENDED';
-- These two serve the limits on codes of a tenant and to an address.
CREATE INDEX contact_confirmations_by_tenant ON identity.contact_confirmations (tenant_id, created_at);
CREATE INDEX contact_confirmations_by_address ON identity.contact_confirmations (address, created_at);
-- Serves retention.
CREATE INDEX contact_confirmations_over ON identity.contact_confirmations (expires_at);

-- A notice to a tenant. A column of ours says so, as for test emails: notices do not count against the operator's own tenant,
-- which sends them.
ALTER TABLE sender.emails ADD COLUMN is_notice boolean NOT NULL DEFAULT false;

-- The notices to tenants, by the event that each is about: its email, or why none was sent.
CREATE TABLE sender.notices (
    event_id        uuid PRIMARY KEY,
    tenant_id       uuid NOT NULL,
    kind            text NOT NULL,
    domain          text NOT NULL DEFAULT '', -- '': it is not about a domain
    -- The email that carries it; NULL: none was accepted, for the reason beside it.
    email_id        uuid,
    unsent_reason   text NOT NULL DEFAULT '',
    -- The code that confirms a contact, as a hash, with the id of the confirmation; NULL in other notices.
    confirmation_id uuid,
    code_hash       bytea,
    created_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT notices_unsent CHECK ((email_id IS NULL) = (unsent_reason <> '')),
    CONSTRAINT notices_code CHECK ((confirmation_id IS NULL) = (code_hash IS NULL))
);
-- Serves the limits on notices of a tenant.
CREATE INDEX notices_by_tenant ON sender.notices (tenant_id, kind, created_at);
-- Serves ConfirmContact.
CREATE UNIQUE INDEX notices_by_confirmation ON sender.notices (confirmation_id) WHERE confirmation_id IS NOT NULL;
-- Serves the gauge of undelivered notices, and retention.
CREATE INDEX notices_created_at ON sender.notices (created_at);

-- The codes of contacts that were emailed, as hashes, for identity to compare.
CREATE VIEW sender.contact_codes AS
SELECT confirmation_id, code_hash
FROM sender.notices
WHERE confirmation_id IS NOT NULL;
