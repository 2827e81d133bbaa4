-- When a parked event was tried last: it is tried again an hour later.
DO $$
DECLARE
    service text;
BEGIN
    FOREACH service IN ARRAY ARRAY['identity', 'verifier', 'sender', 'webhooks'] LOOP
        EXECUTE format('ALTER TABLE %I.dead_letters ADD COLUMN tried_at timestamptz NOT NULL DEFAULT now()', service);
    END LOOP;
END $$;
