"""What time moves in verifier."""
