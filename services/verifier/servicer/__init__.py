"""The verifier's RPCs, and the conversion of stored rows to messages."""
