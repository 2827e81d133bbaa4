"""Finds out what is true of a domain in DNS and at SES, and decides readiness. Changes nothing at SES."""
