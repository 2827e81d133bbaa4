"""The HTTP API in Resend's shapes. Knows nothing of the pages."""
