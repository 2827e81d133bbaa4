-- accept_own_email --
-- Accepts an email that sender wrote to one recipient, with its history; it expires at :expires_at.
WITH accepted AS (
    INSERT INTO sender.emails
        (id, tenant_id, claim_id, account, region, from_address, from_name, subject, text, html, tags, size, is_test,
         is_notice, is_secret, state_note, state_reason, expires_at)
    SELECT
        :email_id, :tenant_id, :claim_id, c.account, c.region, :from_address, :from_name, :subject, :text, :html,
        :tags::text::jsonb, :size, :is_test, :is_notice, :is_secret, :message, :reason, :expires_at
    FROM identity.claims AS c
    WHERE c.id = :claim_id
), addressed AS (
    INSERT INTO sender.recipients (email_id, position, kind, address, match)
    VALUES (:email_id, 0, 'TO', :address, lower(:address))
), transitions AS (
    INSERT INTO sender.email_transitions (id, email_id, to_state, note, reason)
    VALUES (:email_id, :email_id, 'QUEUED', :message, :reason)
)
SELECT pg_notify('sender_emails', '');
