-- The SES account and region of each email, from its acceptance on, and of each attempt. A sender submits, releases, expires
-- and resolves only what belongs to its own region. The columns sender.emails.account and region are from the baseline; '' is
-- in rows of the code before this migration, until a sender writes the region of the email's domain (sender/store/upkeep.sql).
ALTER TABLE sender.attempts
    ADD COLUMN account text NOT NULL DEFAULT '',
    ADD COLUMN region  text NOT NULL DEFAULT '';

-- Serves a region's queue: the tenants that have due email, and the oldest of each. It replaces emails_queued, which stays for
-- the code before this migration.
CREATE INDEX emails_queued_by_region ON sender.emails (account, region, tenant_id, not_before, id) WHERE state = 'QUEUED';
-- Serves the deadlines of a region's waiting email. It replaces emails_ending, which stays for the code before.
CREATE INDEX emails_ending_by_region ON sender.emails (account, region, expires_at)
    WHERE state IN ('QUEUED', 'HELD', 'UNKNOWN');
-- Serves the release of a region's held email: the claims that have any.
CREATE INDEX emails_held_by_region ON sender.emails (account, region, claim_id) WHERE state = 'HELD';
-- Serves "is the outcome of any email of this region unknown?".
CREATE INDEX emails_unknown_by_region ON sender.emails (account, region) WHERE state = 'UNKNOWN';
-- Serves the task that writes the region of emails accepted by the code before this migration.
CREATE INDEX emails_without_region ON sender.emails (id)
    WHERE region = '' AND (state IN ('QUEUED', 'SENDING', 'HELD', 'UNKNOWN') OR decision_demanded);
-- Serves the take-over of a dead sender's attempts by another sender of the region.
CREATE INDEX attempts_open_by_region ON sender.attempts (account, region, leased_until) WHERE state = 'OPEN';
-- Serves resolution by evidence, for one region.
CREATE INDEX attempts_unknown_by_region ON sender.attempts (account, region, opened_at)
    WHERE state IN ('UNKNOWN', 'ABANDONED');
-- Serves the task that writes the region of attempts started by the code before this migration.
CREATE INDEX attempts_without_region ON sender.attempts (id)
    WHERE region = '' AND state IN ('OPEN', 'UNKNOWN', 'ABANDONED');

-- Serves identity's worker of one region, so that another region's backlog does not slow it.
CREATE INDEX ses_identities_due_by_region ON identity.ses_identities (account, region, due_at) WHERE due_at IS NOT NULL;
-- Serves identity's worker that deletes a region's claims.
CREATE INDEX claims_due_by_region ON identity.claims (account, region, due_at) WHERE due_at IS NOT NULL;
-- Serves verifier's SES queries of one region.
CREATE INDEX verifications_ses_due_by_region ON verifier.verifications (account, region, ses_due_at)
    WHERE ses_due_at IS NOT NULL;

-- The region of a feedback queue, which is also part of `queue`, because queues of two regions may have one name; '' is in rows of the code before this migration, which has one region.
ALTER TABLE webhooks.intake
    ADD COLUMN account text NOT NULL DEFAULT '',
    ADD COLUMN region  text NOT NULL DEFAULT '';
