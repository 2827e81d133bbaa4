"""verifier's rpcs: from messages to values and back."""
