-- lock --
-- Take the lock of migrations, which ends with the connection; wait while another migrator has it.
SELECT pg_advisory_lock(:lock)

-- set_timeout --
-- Change a timeout, such as `lock_timeout`, for the rest of the session.
SELECT set_config(:name, :value, false)

-- applied --
-- Return the migrations of this database with their digests.
SELECT name, sha256 FROM chassis.migrations

-- record --
-- Record that a migration was applied.
INSERT INTO chassis.migrations (name, sha256) VALUES (:name, :sha256)
