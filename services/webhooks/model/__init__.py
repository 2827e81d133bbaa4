"""The pure rules of webhooks: values and functions that need no clock, network or database."""
