"""The pure rules of verifier: values and functions that need no clock, network or database."""
