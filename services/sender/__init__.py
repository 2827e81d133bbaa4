"""Accepts email, chooses its From, submits it to SES once, and keeps suppressions. Only sender may send."""
