-- anything_unknown --
-- Returns whether any email of a region waits for evidence because SES's answer was lost.
SELECT EXISTS (SELECT FROM sender.emails WHERE state = 'UNKNOWN' AND account = :account AND region = :region);

-- signs --
-- Returns the start of the region's attempt or heartbeat since which enough of them have events (received_through), not longer than
-- :freshness ago, and whether the intake keeps up: the region's queue answered within :polled_within, and no notification of
-- its topic waits for longer than :processed_within to be processed. Among the last 1000 events, those of a quiet region may
-- be too few, and then heartbeats prove it. Webhooks before 0014_pre_regions.sql polls for the only region there is.
SELECT
    greatest(
        (
            SELECT a.opened_at
            FROM (
                SELECT attempt_id
                FROM webhooks.feedback
                WHERE kind = 'SEND' AND received_at > now() - :freshness::interval
                ORDER BY received_at DESC
                LIMIT 1000
            ) AS f
            JOIN sender.attempts AS a ON a.id = f.attempt_id
            WHERE a.account = :account AND a.region = :region AND a.opened_at > now() - :freshness::interval
            ORDER BY a.opened_at DESC
            OFFSET :enough_attempts - 1
            LIMIT 1
        ),
        (
            SELECT h.opened_at
            FROM sender.heartbeats AS h
            WHERE h.source = :source AND h.opened_at > now() - :freshness::interval
                AND EXISTS (SELECT FROM webhooks.feedback AS f WHERE f.attempt_id = h.id AND f.kind = 'SEND')
            ORDER BY h.opened_at DESC
            OFFSET :enough_heartbeats - 1
            LIMIT 1
        )
    ) AS received_through,
    coalesce(
        (
            SELECT max(polled_at) FROM webhooks.intake
            WHERE region = '' OR (account = :account AND region = :region)
        ) > now() - :polled_within::interval,
        false
    )
        AND NOT EXISTS (
            SELECT FROM webhooks.notifications
            WHERE processed_at IS NULL AND received_at < now() - :processed_within::interval
                -- arn:aws:sns:REGION:ACCOUNT:NAME
                AND split_part(topic_arn, ':', 4) = :region AND split_part(topic_arn, ':', 5) = :account
        ) AS intake_works;

-- advance_clock --
-- Adds the time since the last check to the clock if feedback was :live. A gap longer than :longest_gap does not count, since
-- it was not checked. Locks the row until the end of the transaction.
INSERT INTO sender.feedback_liveness AS l (source) VALUES (:source)
ON CONFLICT (source) DO UPDATE
SET
    received_for = l.received_for + CASE
        WHEN :live::boolean AND now() - l.checked_at BETWEEN interval '0' AND :longest_gap::interval
        THEN now() - l.checked_at
        ELSE interval '0'
    END,
    checked_at = greatest(l.checked_at, now())
RETURNING received_for;

-- confirm_absence --
-- Records the clock's time on a region's attempts without an event when events of later attempts have arrived.
UPDATE sender.attempts SET absent_from = :shown
WHERE state = 'UNKNOWN' AND account = :account AND region = :region AND absent_from IS NULL AND opened_at < :received_through;

-- start_heartbeat --
-- Records a heartbeat that is about to be sent, if a lost answer in the region needs one: no heartbeat was sent within :interval, and an
-- attempt without an answer is older than that, and no event of a later attempt has arrived, or the last such attempt
-- (:received_through) is older than :stale_after.
INSERT INTO sender.heartbeats (id, source)
SELECT :heartbeat_id, :source
WHERE NOT EXISTS (SELECT FROM sender.heartbeats WHERE source = :source AND opened_at > now() - :interval::interval)
    AND EXISTS (
        SELECT
        FROM sender.attempts AS a
        JOIN sender.emails AS e ON e.id = a.email_id AND e.state = 'UNKNOWN'
        WHERE a.state = 'UNKNOWN' AND a.account = :account AND a.region = :region
            AND a.opened_at < now() - :interval::interval
            AND (a.absent_from IS NULL OR coalesce(:received_through::timestamptz < now() - :stale_after::interval, true))
    )
RETURNING id;
