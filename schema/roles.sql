-- Who may touch what: one role for each service, GRANTs table by table. Applied after every migration, and idempotent.
-- A service writes its own schema alone; each SELECT beyond it stands here with its reason.
-- The migration replaces the prefix `letterhead_` of the roles with that of the installation (chassis/roles.py).

DO $$
DECLARE
    service text;
BEGIN
    FOREACH service IN ARRAY ARRAY['identity', 'verifier', 'sender', 'webhooks', 'deliverer'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'letterhead_' || service) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', 'letterhead_' || service);
        END IF;
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), 'letterhead_' || service);
        EXECUTE format('GRANT USAGE ON SCHEMA chassis, identity, %I TO %I', service, 'letterhead_' || service);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %1$I.outbox, %1$I.inbox, %1$I.dead_letters, %1$I.relay TO %2$I',
                       service, 'letterhead_' || service);
        -- The shared rate, and what each process reports about itself, are the tables with several writers.
        EXECUTE format('GRANT SELECT, INSERT, UPDATE ON chassis.rate_bucket TO %I', 'letterhead_' || service);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON chassis.processes TO %I', 'letterhead_' || service);
        -- Every process compares the migrations of its release with those that were applied.
        EXECUTE format('GRANT SELECT ON chassis.migrations TO %I', 'letterhead_' || service);
        -- Every service turns a key into a principal.
        EXECUTE format('GRANT SELECT ON identity.live_keys TO %I', 'letterhead_' || service);
    END LOOP;
    -- Every role of the server could connect otherwise, also those of other installations.
    EXECUTE format('REVOKE CONNECT, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
END $$;

-- identity
GRANT SELECT, INSERT, UPDATE ON identity.tenants, identity.api_keys, identity.links TO letterhead_identity;
GRANT SELECT, INSERT, UPDATE ON identity.ses_identities, identity.claims, identity.tenant_calls TO letterhead_identity;
GRANT SELECT, INSERT, DELETE ON identity.requests TO letterhead_identity;
-- A link is forgotten a while after its end.
GRANT DELETE ON identity.links TO letterhead_identity;
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.records TO letterhead_identity;
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.contact_confirmations TO letterhead_identity;
-- History is append-only.
GRANT SELECT, INSERT ON identity.tenant_transitions, identity.claim_transitions, identity.ownership_transitions
    TO letterhead_identity;
GRANT SELECT ON identity.domains TO letterhead_identity;
GRANT USAGE ON SCHEMA verifier, sender TO letterhead_identity;
-- To answer GetDomain with the state that verifier found, and to decide ownership by what it observed.
GRANT SELECT ON verifier.verifications, verifier.transitions, verifier.dkim_prechecks, verifier.ownership_checks
    TO letterhead_identity;
-- To wait for open attempts before an identity is deleted.
GRANT SELECT ON sender.attempts TO letterhead_identity;
-- To compare the code that confirms a contact with the one that sender emailed.
GRANT SELECT ON sender.contact_codes TO letterhead_identity;
-- To answer GetTenant with what the tenant may send and has sent today.
GRANT SELECT ON sender.allowances TO letterhead_identity;

-- verifier
GRANT SELECT, INSERT, UPDATE, DELETE ON
    verifier.verifications, verifier.record_checks, verifier.dkim_prechecks, verifier.ownership_checks
    TO letterhead_verifier;
GRANT SELECT, INSERT, UPDATE ON verifier.ses_account TO letterhead_verifier;
-- History is append-only.
GRANT SELECT, INSERT ON verifier.transitions TO letterhead_verifier;
GRANT SELECT ON verifier.due_tokens TO letterhead_verifier;
-- To know which domains and records to check, and for whom.
GRANT SELECT ON identity.claims, identity.ses_identities, identity.records, identity.domains TO letterhead_verifier;
-- To answer GetVerification with how email from a domain leaves.
GRANT SELECT (id, state, unready_policy) ON identity.tenants TO letterhead_verifier;

-- sender
GRANT SELECT, INSERT, UPDATE ON sender.emails, sender.recipients, sender.attachments, sender.attempts TO letterhead_sender;
GRANT SELECT, INSERT, DELETE ON sender.idempotency TO letterhead_sender;
GRANT SELECT, INSERT, UPDATE, DELETE ON sender.suppressions, sender.soft_bounces TO letterhead_sender;
GRANT SELECT, INSERT, UPDATE, DELETE ON sender.unmatched_feedback TO letterhead_sender;
GRANT SELECT, INSERT, DELETE ON sender.strikes TO letterhead_sender;
GRANT SELECT, INSERT, UPDATE, DELETE ON sender.test_addresses TO letterhead_sender;
GRANT SELECT, INSERT, DELETE ON sender.notices TO letterhead_sender;
GRANT SELECT, INSERT, UPDATE ON sender.reputations TO letterhead_sender;
-- An email goes with all that refers to it.
GRANT DELETE ON sender.emails TO letterhead_sender;
-- History is append-only; it goes with the last email of its day, by functions that decide what.
GRANT SELECT, INSERT ON sender.email_transitions TO letterhead_sender;
GRANT EXECUTE ON FUNCTION chassis.make_partitions, chassis.drop_partitions TO letterhead_sender;
-- For the code before 0007_pre_day_partitions.sql.
GRANT SELECT ON sender.email_days TO letterhead_sender;
GRANT EXECUTE ON FUNCTION sender.make_email_days, sender.drop_email_days TO letterhead_sender;
GRANT USAGE ON SCHEMA verifier, webhooks TO letterhead_sender;
GRANT SELECT, UPDATE ON sender.tenant_limits TO letterhead_sender;
GRANT SELECT, INSERT, UPDATE, DELETE ON sender.tenant_days TO letterhead_sender;
GRANT SELECT ON sender.allowances TO letterhead_sender;
-- To decide, under the claim lock, which domain an email may be sent from, and to know the contact of a tenant.
GRANT SELECT ON identity.tenants, identity.claims, identity.domains TO letterhead_sender;
GRANT SELECT ON verifier.verifications, verifier.ses_account TO letterhead_sender;
-- To resolve an attempt whose answer was lost, by evidence.
GRANT SELECT ON webhooks.feedback TO letterhead_sender;
-- To know whether the absence of an event means anything: whether SES's events arrive and are processed.
GRANT SELECT ON webhooks.intake, webhooks.notifications TO letterhead_sender;
GRANT SELECT, INSERT, UPDATE ON sender.feedback_liveness TO letterhead_sender;
GRANT SELECT, INSERT, DELETE ON sender.heartbeats TO letterhead_sender;

-- What events say about the email that they are about.
GRANT SELECT ON sender.email_references TO letterhead_sender;

-- webhooks
GRANT SELECT, INSERT, UPDATE, DELETE ON webhooks.notifications TO letterhead_webhooks;
GRANT SELECT, INSERT, DELETE ON webhooks.feedback TO letterhead_webhooks;
GRANT UPDATE (tenant_id, email_id, attempt_id) ON webhooks.feedback TO letterhead_webhooks;
GRANT SELECT, INSERT, UPDATE ON webhooks.intake TO letterhead_webhooks;
GRANT USAGE ON SCHEMA sender TO letterhead_webhooks;
-- To attribute an event to an email only where its tags are those of a submission of ours, and to describe that email.
GRANT SELECT ON sender.submissions, sender.email_references TO letterhead_webhooks;
GRANT SELECT, INSERT, UPDATE, DELETE ON webhooks.endpoints TO letterhead_webhooks;
GRANT SELECT, INSERT, DELETE ON webhooks.delivery_requests TO letterhead_webhooks;
-- To accept only the tenant's own domains as the filter of an endpoint.
GRANT SELECT ON identity.claims TO letterhead_webhooks;
GRANT USAGE ON SCHEMA deliverer TO letterhead_webhooks;
-- To answer what was posted to an endpoint, and in which state deliverer found it.
GRANT SELECT ON deliverer.endpoints, deliverer.messages, deliverer.attempts TO letterhead_webhooks;

-- deliverer
GRANT SELECT, INSERT, UPDATE, DELETE ON deliverer.messages TO letterhead_deliverer;
-- History is append-only; it is deleted with its message.
GRANT SELECT, INSERT ON deliverer.attempts TO letterhead_deliverer;
GRANT SELECT, INSERT, UPDATE, DELETE ON deliverer.endpoint_health TO letterhead_deliverer;
GRANT SELECT, INSERT, DELETE ON deliverer.fulfilled_requests TO letterhead_deliverer;
GRANT SELECT ON deliverer.endpoints TO letterhead_deliverer;
GRANT USAGE ON SCHEMA webhooks, verifier TO letterhead_deliverer;
-- To know where to post, and what callers request.
GRANT SELECT ON webhooks.endpoints, webhooks.delivery_requests TO letterhead_deliverer;
-- To describe the domain that an event is about, with its records and their status.
GRANT SELECT ON identity.domains, identity.records, verifier.record_checks TO letterhead_deliverer;
