"""The pure rules of sender: values and functions that need no clock, network or database."""
