-- anything_unknown --
-- Returns whether any email waits for evidence because SES's answer was lost.
SELECT EXISTS (SELECT FROM sender.emails WHERE state = 'UNKNOWN');

-- signs --
-- Returns the start of the attempt or heartbeat since which enough of them have events (received_through), not longer than $2
-- ago, and whether the intake keeps up. $3 and $4 are how many attempts and heartbeats are enough, $5 is how long ago the
-- queue may have answered last, $6 how long a notification may wait to be processed.
SELECT
    greatest(
        (
            SELECT a.opened_at
            FROM (
                SELECT attempt_id
                FROM webhooks.feedback
                WHERE kind = 'SEND' AND received_at > now() - $2::interval
                ORDER BY received_at DESC
                LIMIT 1000
            ) AS f
            JOIN sender.attempts AS a ON a.id = f.attempt_id
            WHERE a.opened_at > now() - $2::interval
            ORDER BY a.opened_at DESC
            OFFSET $3 - 1
            LIMIT 1
        ),
        (
            SELECT h.opened_at
            FROM sender.heartbeats AS h
            WHERE h.source = $1 AND h.opened_at > now() - $2::interval
                AND EXISTS (SELECT FROM webhooks.feedback AS f WHERE f.attempt_id = h.id AND f.kind = 'SEND')
            ORDER BY h.opened_at DESC
            OFFSET $4 - 1
            LIMIT 1
        )
    ) AS received_through,
    coalesce((SELECT max(polled_at) FROM webhooks.intake) > now() - $5::interval, false)
        AND NOT EXISTS (
            SELECT FROM webhooks.notifications WHERE processed_at IS NULL AND received_at < now() - $6::interval
        ) AS intake_works;

-- advance_clock --
-- Adds the time since the last check to the clock if feedback was live ($2). A gap longer than $3 does not count, since it
-- was not checked. Locks the row until the end of the transaction.
INSERT INTO sender.feedback_liveness AS l (source) VALUES ($1)
ON CONFLICT (source) DO UPDATE
SET
    received_for = l.received_for + CASE
        WHEN $2::boolean AND now() - l.checked_at BETWEEN interval '0' AND $3::interval THEN now() - l.checked_at
        ELSE interval '0'
    END,
    checked_at = greatest(l.checked_at, now())
RETURNING received_for;

-- confirm_absence --
-- Records the clock's time on attempts without an event when events of later attempts have arrived.
UPDATE sender.attempts SET absent_from = $1 WHERE state = 'UNKNOWN' AND absent_from IS NULL AND opened_at < $2;

-- start_heartbeat --
-- Records a heartbeat that is about to be sent, if a lost answer needs one: no heartbeat was sent within $3, and an attempt
-- without an answer is older than that, and no event of a later attempt has arrived, or the last such attempt ($5) is
-- older than $4.
INSERT INTO sender.heartbeats (id, source)
SELECT $1, $2
WHERE NOT EXISTS (SELECT FROM sender.heartbeats WHERE source = $2 AND opened_at > now() - $3::interval)
    AND EXISTS (
        SELECT
        FROM sender.attempts AS a
        JOIN sender.emails AS e ON e.id = a.email_id AND e.state = 'UNKNOWN'
        WHERE a.state = 'UNKNOWN' AND a.opened_at < now() - $3::interval
            AND (a.absent_from IS NULL OR coalesce($5::timestamptz < now() - $4::interval, true))
    )
RETURNING id;
