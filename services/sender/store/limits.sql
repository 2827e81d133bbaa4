-- declare_limits --
-- Stores the installation's limits for all tenants.
UPDATE sender.tenant_limits
SET max_send_rate = $1, daily_limit = $2, new_tenant_limit = $3, new_tenant_age = $4, slowed_rate = $5
WHERE (max_send_rate, daily_limit, new_tenant_limit, new_tenant_age, slowed_rate)
    IS DISTINCT FROM ($1::double precision, $2::bigint, $3::bigint, $4::interval, $5::double precision);
