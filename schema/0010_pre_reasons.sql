-- Why a record, a domain or an SES account is in its state: a reason and its parameters beside the sentence, which stays for the
-- code before this migration and for rows that it wrote. The names are those of services/verifier/model/reasons.py and
-- services/identity/model/reasons.py; '': only the sentence is known.
ALTER TABLE verifier.verifications
    ADD COLUMN state_reason     text NOT NULL DEFAULT '',
    ADD COLUMN state_parameters jsonb NOT NULL DEFAULT '{}';
ALTER TABLE verifier.record_checks
    ADD COLUMN reason     text NOT NULL DEFAULT '',
    ADD COLUMN parameters jsonb NOT NULL DEFAULT '{}';
ALTER TABLE verifier.ownership_checks
    ADD COLUMN reason     text NOT NULL DEFAULT '',
    ADD COLUMN parameters jsonb NOT NULL DEFAULT '{}';
ALTER TABLE verifier.transitions
    ADD COLUMN reason     text NOT NULL DEFAULT '',
    ADD COLUMN parameters jsonb NOT NULL DEFAULT '{}';
ALTER TABLE verifier.ses_account
    ADD COLUMN state_reason     text NOT NULL DEFAULT '',
    ADD COLUMN state_parameters jsonb NOT NULL DEFAULT '{}';
ALTER TABLE identity.claims
    ADD COLUMN phase_reason     text NOT NULL DEFAULT '',
    ADD COLUMN phase_parameters jsonb NOT NULL DEFAULT '{}';

-- As in 0006_views.sql, with the reason of the state and its parameters.
CREATE OR REPLACE VIEW identity.domains AS
SELECT
    c.id, c.tenant_id, c.account, c.region, c.name, c.display_name, c.mail_from_label,
    c.generation, c.revision, c.created_at, c.updated_at,
    c.ownership, c.ownership_deadline_at, c.ownership_token_at,
    -- Shown while it is to be published, and to nobody but the claim's own tenant.
    CASE WHEN c.ownership IN ('PROOF_DUE', 'CHALLENGER', 'CHALLENGED') THEN c.ownership_token ELSE '' END AS ownership_token,
    CASE
        WHEN c.phase <> 'ACTIVE' THEN c.phase
        WHEN c.ownership = 'SUPERSEDED' THEN 'LOST'
        WHEN v.generation = c.generation THEN v.state
        ELSE 'PENDING'
    END AS state,
    CASE
        WHEN c.phase <> 'ACTIVE' THEN c.phase_note
        WHEN v.generation = c.generation THEN v.state_note
        ELSE ''
    END AS state_note,
    CASE
        WHEN c.phase = 'ACTIVE' AND v.generation = c.generation THEN v.state_at
        ELSE c.phase_at
    END AS state_at,
    coalesce(
        c.phase = 'ACTIVE' AND v.generation = c.generation AND v.dkim_valid
        AND c.ownership IN ('SOLE', 'PROVEN', 'CHALLENGED'),
        false
    ) AS dkim_valid,
    CASE
        WHEN c.phase <> 'ACTIVE' THEN c.phase_reason
        WHEN v.generation = c.generation THEN v.state_reason
        ELSE ''
    END AS state_reason,
    CASE
        WHEN c.phase <> 'ACTIVE' THEN c.phase_parameters
        WHEN v.generation = c.generation THEN v.state_parameters
        ELSE '{}'
    END AS state_parameters
FROM identity.claims AS c
LEFT JOIN verifier.verifications AS v ON v.claim_id = c.id;
