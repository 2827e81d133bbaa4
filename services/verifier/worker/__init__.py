"""The verifier's background work: DNS checks, SES queries, prechecks, sweeps and gauges."""
