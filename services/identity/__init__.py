"""identity: who may send as whom. Tenants, keys, claims on domains, identities at SES."""
