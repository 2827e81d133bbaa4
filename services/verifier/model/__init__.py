"""The verifier's model: values and pure functions without clock, network or database."""
