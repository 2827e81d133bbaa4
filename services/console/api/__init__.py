"""The Resend-compatible HTTP API. Independent of the pages."""
