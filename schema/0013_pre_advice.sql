-- Advice apart from the gate: records that only advise, such as DMARC, have a revision of their own, and readiness does not depend
-- on it (docs/decisions/0018-advice-is-no-gate.md).

-- The DMARC policy that a claim's record recommends (RFC 9989); claims.advisory_revision counts its changes.
ALTER TABLE identity.claims
    ADD COLUMN dmarc_policy           text NOT NULL DEFAULT 'NONE',
    -- NULL: as dmarc_policy.
    ADD COLUMN dmarc_subdomain_policy text,
    ADD COLUMN dmarc_testing          boolean NOT NULL DEFAULT false,
    ADD COLUMN dmarc_report_addresses text[] NOT NULL DEFAULT '{}',
    ADD CONSTRAINT claims_dmarc_policy CHECK (
        dmarc_policy IN ('NONE', 'QUARANTINE', 'REJECT')
        AND dmarc_subdomain_policy IN ('NONE', 'QUARANTINE', 'REJECT')
    );

-- Of a record that only advises: the claim's advisory_revision in which it last changed. Of a required record it is always 1, so
-- that a change of advice never touches its checks. The code before this migration writes 1, the revision of the advice that it
-- knows.
ALTER TABLE identity.records ADD COLUMN advisory_revision bigint NOT NULL DEFAULT 1;

-- That of the record which was checked. A check counts for the record of its own revision only.
ALTER TABLE verifier.record_checks ADD COLUMN advisory_revision bigint NOT NULL DEFAULT 1;

-- The claim's advisory_revision when its advisory records were last checked because it had changed.
ALTER TABLE verifier.verifications ADD COLUMN advisory_revision bigint NOT NULL DEFAULT 1;
