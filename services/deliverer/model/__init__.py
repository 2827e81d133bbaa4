"""Pure rules: payloads, signatures, the retry schedule."""
