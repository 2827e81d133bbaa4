-- Ownership of a name as one state machine, in place of `holder` and `ownership_demanded`: services/identity/model/ownership.py.

DROP VIEW identity.domains;
DROP INDEX identity.claims_holder;

ALTER TABLE identity.claims
    ADD COLUMN ownership             text NOT NULL DEFAULT 'UNDECIDED',
    ADD COLUMN ownership_at          timestamptz NOT NULL DEFAULT now(),
    -- The token that the claim must publish; '' when no proof is or was demanded.
    ALTER COLUMN ownership_token SET DEFAULT '',
    ADD COLUMN ownership_token_at    timestamptz,
    -- Of a CHALLENGED claim: what it returns to when the challenge ends, and when it is decided without an answer.
    ADD COLUMN ownership_before      text,
    ADD COLUMN ownership_deadline_at timestamptz,
    -- An operator vouches for the claim, and that is not done yet.
    ADD COLUMN ownership_adopted     boolean NOT NULL DEFAULT false;

UPDATE identity.claims
SET ownership = CASE WHEN holder AND NOT ownership_demanded THEN 'SOLE' ELSE 'PROOF_DUE' END,
    ownership_token = CASE WHEN holder AND NOT ownership_demanded THEN '' ELSE ownership_token END,
    ownership_token_at = now();

ALTER TABLE identity.claims
    DROP COLUMN holder,
    DROP COLUMN ownership_demanded,
    ADD CONSTRAINT claims_ownership CHECK (
        ownership IN ('UNDECIDED', 'SOLE', 'PROOF_DUE', 'CHALLENGER', 'CHALLENGED', 'PROVEN', 'SUPERSEDED')
    ),
    ADD CONSTRAINT claims_challenged CHECK (
        (ownership = 'CHALLENGED') = (ownership_deadline_at IS NOT NULL)
        AND (ownership = 'CHALLENGED') = (coalesce(ownership_before, '') IN ('SOLE', 'PROVEN'))
    );
-- Forbids two claims that may send from one name, across regions and accounts.
CREATE UNIQUE INDEX claims_holder ON identity.claims (name)
    WHERE ownership IN ('SOLE', 'PROVEN', 'CHALLENGED') AND phase IN ('PROVISIONING', 'ACTIVE');
-- Serves the worker that decides ownership: names with a claim that is not settled.
CREATE INDEX claims_contested ON identity.claims (name)
    WHERE (ownership IN ('UNDECIDED', 'PROOF_DUE', 'CHALLENGER', 'CHALLENGED') OR ownership_adopted)
        AND phase IN ('PROVISIONING', 'ACTIVE');
-- Serves "is this name the MAIL FROM name of another tenant's domain?".
CREATE INDEX claims_mail_from ON identity.claims ((mail_from_label || '.' || name))
    WHERE phase IN ('PROVISIONING', 'ACTIVE');

-- Serves sender: whose email ends.
CREATE INDEX claims_superseded ON identity.claims (ownership_at) WHERE ownership = 'SUPERSEDED';

-- Changes of ownership, append-only: who decided what, and why. Written by identity.
CREATE TABLE identity.ownership_transitions (
    id             uuid PRIMARY KEY,
    claim_id       uuid NOT NULL REFERENCES identity.claims,
    from_ownership text,
    to_ownership   text NOT NULL,
    cause          text NOT NULL,
    -- What the operator or the tenant wrote beside a decision.
    reason         text NOT NULL DEFAULT '',
    created_at     timestamptz NOT NULL DEFAULT now()
);
-- Serves the history of a domain.
CREATE INDEX ownership_transitions_by_claim ON identity.ownership_transitions (claim_id, id DESC);

-- Whether a claim's DKIM records stood in DNS before they were shown to anyone. Written by verifier.
CREATE TABLE verifier.dkim_prechecks (
    claim_id   uuid PRIMARY KEY,
    tokens     text[] NOT NULL,
    outcome    text NOT NULL,
    checked_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT dkim_prechecks_outcome CHECK (outcome IN ('ABSENT', 'PRESENT', 'INCONCLUSIVE'))
);

-- What the name servers last said of a claim's ownership token. Written by verifier.
CREATE TABLE verifier.ownership_checks (
    claim_id         uuid PRIMARY KEY REFERENCES verifier.verifications ON DELETE CASCADE,
    token            text NOT NULL,
    status           text NOT NULL,
    message          text NOT NULL DEFAULT '',
    seen             text[] NOT NULL DEFAULT '{}',
    servers_agreeing integer NOT NULL DEFAULT 0,
    servers_asked    integer NOT NULL DEFAULT 0,
    zone             text NOT NULL DEFAULT '',
    servers          text[] NOT NULL DEFAULT '{}',
    -- A run of checks that did not find it, each an hour or more after the one before; 0 once it is found.
    missing_checks   integer NOT NULL DEFAULT 0,
    missing_at       timestamptz,
    checked_at       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT ownership_checks_status CHECK (
        status IN ('FOUND', 'MISSING', 'MISMATCH', 'CONFLICT', 'PROPAGATING', 'UNREACHABLE')
    )
);

ALTER TABLE verifier.verifications
    -- When one of the claim's DKIM records was first found.
    ADD COLUMN dkim_found_at timestamptz,
    -- The claim's ownership at its last DNS check.
    ADD COLUMN ownership     text NOT NULL DEFAULT '';
UPDATE verifier.verifications AS known
SET dkim_found_at = now()
WHERE dkim_valid OR EXISTS (
    SELECT
    FROM verifier.record_checks AS look
    JOIN identity.records AS record USING (claim_id, generation, position)
    WHERE look.claim_id = known.claim_id AND record.purpose = 'DKIM' AND look.status = 'FOUND'
);
-- Serves the worker that decides ownership: what VerifyDomain revived.
CREATE INDEX verifications_revived ON verifier.verifications (claim_id)
    WHERE state IN ('FAILED', 'LOST') AND deadline_at IS NOT NULL;
-- Serves "was this domain ever READY?".
CREATE INDEX transitions_to_ready ON verifier.transitions (claim_id) WHERE to_state = 'READY';

-- The tokens that somebody's ownership depends on: of claims that prove themselves, and of a holder that answered a
-- challenger who still waits.
CREATE VIEW verifier.due_tokens AS
SELECT claim.id AS claim_id, claim.ownership_token AS token, claim.name
FROM identity.claims AS claim
WHERE claim.phase = 'ACTIVE'
    AND claim.ownership_token <> ''
    AND (
        claim.ownership IN ('PROOF_DUE', 'CHALLENGER', 'CHALLENGED')
        OR claim.ownership = 'PROVEN' AND EXISTS (
            SELECT
            FROM identity.claims AS rival
            WHERE rival.name = claim.name AND rival.ownership = 'CHALLENGER' AND rival.phase = 'ACTIVE'
        )
    );

-- The public state of each domain, composed from what is desired (claims) and observed (verifications).
CREATE VIEW identity.domains AS
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
    ) AS dkim_valid
FROM identity.claims AS c
LEFT JOIN verifier.verifications AS v ON v.claim_id = c.id;
