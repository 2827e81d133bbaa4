"""The pure rules of sender: values and functions that use no clock, network or database."""
