-- report --
-- Store what a process says of itself; its clock is compared with the database's as the statement arrives.
INSERT INTO chassis.processes (
    service, address, release, regions, started_at, clock_ahead, aws_clock_ahead, aws_fault, service_key,
    certificate_expires_at
)
VALUES (
    :service, :address, :release, :regions, :started_at, :clock::timestamptz - clock_timestamp(), :aws_clock_ahead,
    :aws_fault, :service_key, :certificate_expires_at
)
ON CONFLICT (service, address) DO UPDATE
SET release = excluded.release,
    regions = excluded.regions,
    started_at = excluded.started_at,
    reported_at = excluded.reported_at,
    clock_ahead = excluded.clock_ahead,
    aws_clock_ahead = excluded.aws_clock_ahead,
    aws_fault = excluded.aws_fault,
    service_key = excluded.service_key,
    certificate_expires_at = excluded.certificate_expires_at

-- end_report --
-- Delete the report of a process that shuts down, unless another one has been started in its place.
DELETE FROM chassis.processes WHERE service = :service AND address = :address AND started_at = :started_at

-- delete_old_reports --
-- Delete the reports of processes that ended without a shutdown a day ago.
DELETE FROM chassis.processes WHERE reported_at < now() - interval '1 day'
