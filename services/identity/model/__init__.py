"""identity's domain model: values and pure functions without a clock, network or database."""
