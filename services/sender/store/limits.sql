-- declare_limits --
-- Stores the installation's limits for all tenants.
UPDATE sender.tenant_limits
SET
    max_send_rate = :max_send_rate,
    daily_limit = :daily_limit,
    new_tenant_limit = :new_tenant_limit,
    new_tenant_age = :new_tenant_age,
    slowed_rate = :slowed_rate
WHERE (max_send_rate, daily_limit, new_tenant_limit, new_tenant_age, slowed_rate)
    IS DISTINCT FROM (
        :max_send_rate::double precision, :daily_limit::bigint, :new_tenant_limit::bigint, :new_tenant_age::interval,
        :slowed_rate::double precision
    );
