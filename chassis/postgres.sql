-- begin_session --
-- Set parameters for as long as the connection lasts; return the server process that serves it.
SELECT count(set_config(name, value, false)) AS parameters, pg_backend_pid() AS pid
FROM unnest(:names::text[], :values::text[]) AS parameter (name, value)

-- server_process --
-- Return the server process that serves the connection.
SELECT pg_backend_pid()
