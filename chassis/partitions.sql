-- make --
-- Creates the missing partitions of today and the next days; returns how many.
SELECT chassis.make_partitions(:table::text::regclass, :days_ahead);

-- drop --
-- Drops the partitions of old days that nothing keeps; returns how many.
SELECT chassis.drop_partitions(:table::text::regclass, :retention);

-- days_ahead --
-- Counts how many of the next days have a partition.
SELECT count(*)
FROM generate_series(1, :days_ahead::integer) AS n
JOIN chassis.day_partitions(:table::text::regclass) AS d
    ON chassis.first_id(now() + make_interval(days => n)) >= d.from_id
    AND chassis.first_id(now() + make_interval(days => n)) < d.to_id;
