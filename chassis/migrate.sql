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

-- rights --
-- Return what this role may do, and what it needs because it may not do everything.
SELECT
    me.rolname AS owner,
    current_database() AS database,
    has_database_privilege(current_database(), 'CREATE') AS may_create_schemas,
    me.rolsuper OR me.rolcreaterole AS may_create_roles,
    ARRAY(
        SELECT name FROM unnest(:roles::text[]) AS wanted (name)
        WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
        ORDER BY name
    ) AS missing_roles,
    (
        SELECT pg_get_userbyid(nspowner) FROM pg_namespace
        WHERE nspname = 'chassis' AND NOT pg_has_role(nspowner, 'USAGE')
    ) AS schema_owner
FROM pg_roles AS me
WHERE me.rolname = current_user
