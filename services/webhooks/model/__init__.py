"""The pure logic of webhooks: values and functions that use no clock, network or database."""
