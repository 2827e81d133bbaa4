-- Where each record was looked for, so that people can be told how their own DNS provider wants it entered.

ALTER TABLE verifier.record_checks
    -- The zone that keeps the record; empty when nobody holds the name, or it was not looked at since.
    ADD COLUMN zone    text NOT NULL DEFAULT '',
    -- The zone's name servers that were asked.
    ADD COLUMN servers text[] NOT NULL DEFAULT '{}';
