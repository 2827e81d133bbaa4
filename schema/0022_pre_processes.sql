-- What `letterhead doctor` compares: every running process describes itself. And keys are rotated with overlap.

-- One row per running process, written by the process itself every few seconds and deleted when it shuts down.
CREATE TABLE chassis.processes (
    service                text NOT NULL,
    -- Host and gRPC port: a process that is started again in the same place replaces the row.
    address                text NOT NULL,
    -- Digest of the source that it runs.
    release                text NOT NULL,
    -- The account and region of each SES region that it is configured with, account:region.
    regions                text[] NOT NULL,
    started_at             timestamptz NOT NULL,
    reported_at            timestamptz NOT NULL DEFAULT now(),
    -- How far its clock is ahead of the database's, and AWS's ahead of its own; NULL before the first response of AWS.
    clock_ahead            interval NOT NULL,
    aws_clock_ahead        interval,
    -- Why AWS has answered no call since the last successful one; empty if it answers.
    aws_fault              text NOT NULL,
    -- Whether its service key is accepted; NULL if it has none.
    service_key            text CHECK (service_key IN ('ACCEPTED', 'REJECTED', 'WRONG_SCOPE')),
    -- When the certificate that it presents expires; NULL without TLS.
    certificate_expires_at timestamptz,
    PRIMARY KEY (service, address)
);

-- The key that replaced this one in a rotation; the replaced one ends at expires_at.
ALTER TABLE identity.api_keys ADD COLUMN replaced_by uuid REFERENCES identity.api_keys (id);
