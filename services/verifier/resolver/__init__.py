"""The verifier's DNS resolver; the only package that uses dnspython."""
