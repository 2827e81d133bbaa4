-- begin_session --
-- Set the parameters of a session; return the process of the server that runs it.
SELECT count(set_config(name, value, false)) AS parameters, pg_backend_pid() AS pid
FROM unnest(:names::text[], :values::text[]) AS parameter (name, value)

-- server_process --
-- Return the process of the server that runs this session.
SELECT pg_backend_pid()
