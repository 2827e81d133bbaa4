-- What a service reads of another's tables, or composes of several services' tables.

-- The principal behind a token, key or link. It has no dead ones, and no link to a domain that is being deleted. Read by
-- chassis/access.
CREATE VIEW identity.live_keys AS
SELECT k.key_hash, k.id AS key_id, k.tenant_id, t.state AS tenant_state, k.scope, k.claim_ids
FROM identity.api_keys AS k
JOIN identity.tenants AS t ON t.id = k.tenant_id
WHERE k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
UNION ALL
SELECT l.token_hash, l.id, l.tenant_id, t.state, 'LINK', ARRAY[l.claim_id]
FROM identity.links AS l
JOIN identity.tenants AS t ON t.id = l.tenant_id
JOIN identity.claims AS c ON c.id = l.claim_id
WHERE l.revoked_at IS NULL AND l.expires_at > now() AND c.phase IN ('PROVISIONING', 'ACTIVE');

-- The public state of each domain, composed of the desired state (claims) and the observed state (verifications).
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

-- The ownership tokens that verifier looks up: those whose finding or absence can change who holds a name.
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

-- What each tenant may send now. `left_today` and `left_now` are recipients; NULL: no limit.
CREATE VIEW sender.allowances AS
SELECT
    t.id AS tenant_id,
    limits.daily - coalesce(d.recipients, 0) AS left_today,
    limits.rate,
    floor(extract(epoch FROM limits.burst - greatest(b.arrival_at - now(), interval '0')) * limits.rate)::bigint AS left_now,
    limits.daily,
    coalesce(d.recipients, 0) AS sent_today,
    slow.reason AS slow_reason,
    slow.until AS slowed_until
FROM identity.tenants AS t
CROSS JOIN sender.tenant_limits AS l
LEFT JOIN LATERAL (
    SELECT r.slow_reason AS reason, r.slowed_until AS until
    FROM sender.reputations AS r
    WHERE r.tenant_id = t.id AND r.slowed_until > now()
) AS slow ON true
CROSS JOIN LATERAL (
    -- least() and greatest() leave NULL out.
    SELECT least(
        coalesce(t.max_send_rate, l.max_send_rate), CASE WHEN slow.until IS NOT NULL THEN l.slowed_rate END
    ) AS rate
) AS own
CROSS JOIN LATERAL (
    SELECT
        own.rate,
        make_interval(secs => greatest(1, 1 / own.rate)) AS burst,
        coalesce(
            t.daily_limit,
            CASE WHEN t.created_at > now() - l.new_tenant_age THEN least(l.new_tenant_limit, l.daily_limit) ELSE l.daily_limit END
        ) AS daily
) AS limits
LEFT JOIN sender.tenant_days AS d ON d.tenant_id = t.id AND d.day = (now() AT TIME ZONE 'UTC')::date
LEFT JOIN chassis.rate_bucket AS b ON b.key = 'tenant-send:' || t.id;

-- What we submitted to SES, by the id that its events carry: attempts of emails, and heartbeats, which have no tenant.
CREATE VIEW sender.submissions AS
SELECT id, email_id, tenant_id, ses_id FROM sender.attempts
UNION ALL
SELECT id, NULL, NULL, NULL FROM sender.heartbeats;

-- The tenant and the SES id of each email.
CREATE VIEW sender.email_references AS
SELECT id, tenant_id, ses_id FROM sender.emails;
