-- Test emails go to addresses of their domain, or to one address that a code confirmed.

-- Addresses that a code was emailed to, and the one of each domain that is confirmed. Written by sender.
CREATE TABLE sender.test_addresses (
    id          uuid PRIMARY KEY,
    tenant_id   uuid NOT NULL,
    claim_id    uuid NOT NULL,
    request_id  text,
    -- In lower case.
    address     text NOT NULL,
    state       text NOT NULL DEFAULT 'CODE_SENT',
    code_hash   bytea NOT NULL,
    wrong_codes integer NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL DEFAULT now(),
    -- Of the code; once confirmed, of the confirmation.
    expires_at  timestamptz NOT NULL,
    CONSTRAINT test_addresses_state CHECK (state IN ('CODE_SENT', 'CONFIRMED', 'ENDED')),
    CONSTRAINT test_addresses_request UNIQUE (claim_id, request_id)
);
-- Keeps one code open and one address confirmed for each domain, and finds them.
CREATE UNIQUE INDEX test_addresses_live ON sender.test_addresses (claim_id, state) WHERE state <> 'ENDED';
-- Serve the limits on codes of a domain, of a tenant and to an address.
CREATE INDEX test_addresses_by_claim ON sender.test_addresses (claim_id, created_at);
CREATE INDEX test_addresses_by_tenant ON sender.test_addresses (tenant_id, created_at);
CREATE INDEX test_addresses_by_address ON sender.test_addresses (address, created_at);
-- Serves retention.
CREATE INDEX test_addresses_over ON sender.test_addresses (expires_at);

-- The body is for its recipient alone: no rpc returns it, and it is erased with the email's last state.
ALTER TABLE sender.emails ADD COLUMN is_secret boolean NOT NULL DEFAULT false;
