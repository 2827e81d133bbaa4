-- Why an email or a recipient is in its state: a reason and its parameters beside the sentence, which stays for the code before
-- this migration and for rows that it wrote. The names are those of services/sender/model/reasons.py; '': only the sentence is
-- known.
ALTER TABLE sender.emails
    ADD COLUMN state_reason     text NOT NULL DEFAULT '',
    ADD COLUMN state_parameters jsonb NOT NULL DEFAULT '{}';
ALTER TABLE sender.recipients
    ADD COLUMN state_reason     text NOT NULL DEFAULT '',
    ADD COLUMN state_parameters jsonb NOT NULL DEFAULT '{}';
ALTER TABLE sender.email_transitions
    ADD COLUMN reason     text NOT NULL DEFAULT '',
    ADD COLUMN parameters jsonb NOT NULL DEFAULT '{}';
-- The column `reason` says whether a person wrote the note.
ALTER TABLE sender.suppressions ADD COLUMN parameters jsonb NOT NULL DEFAULT '{}';

-- The code before 0007_pre_day_partitions.sql calls this function, which named the columns that it moves.
CREATE OR REPLACE FUNCTION sender.make_email_days() RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
    SELECT chassis.make_partitions('sender.email_transitions', 7)
$$;
