-- What a complete send needs: a time to send at, a window for a lost answer, attachments, and batches of which some
-- emails were refused.

ALTER TABLE sender.emails
    -- When it is to be handed over; NULL: as soon as it was accepted.
    ADD COLUMN send_at timestamptz,
    -- How long evidence is awaited when SES's answer is lost; NULL: as long as the installation has it.
    ADD COLUMN unknown_window interval;

-- For each email of a permissive batch why it was refused (google.rpc.Status), NULL where it was accepted; '{}' when all were.
ALTER TABLE sender.idempotency ADD COLUMN rejections bytea[] NOT NULL DEFAULT '{}';

-- Files that go with an email; the content goes when the body goes. Written by sender.
CREATE TABLE sender.attachments (
    email_id     uuid NOT NULL REFERENCES sender.emails ON DELETE CASCADE,
    position     integer NOT NULL,
    file_name    text NOT NULL,
    content_type text NOT NULL,
    -- By what the HTML body shows it (`cid:…`); empty: it is not shown in the body.
    content_id   text NOT NULL DEFAULT '',
    size         bigint NOT NULL,
    content      bytea,
    PRIMARY KEY (email_id, position)
);
