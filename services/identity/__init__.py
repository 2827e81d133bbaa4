"""identity: tenants, API keys, claims on domains, and identities at SES."""
