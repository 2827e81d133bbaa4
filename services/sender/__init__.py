"""Accepts email, decides the From, hands it to SES once, and keeps suppressions. Alone may send."""
