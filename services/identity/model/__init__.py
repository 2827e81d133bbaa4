"""The pure rules of identity: values and functions that need no clock, network or database."""
