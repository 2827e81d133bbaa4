"""Sender's background work: the submission to SES, and the periodic tasks."""
