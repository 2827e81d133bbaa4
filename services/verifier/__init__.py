"""Checks domains in DNS and at SES and decides their verification state. Only reads from SES."""
