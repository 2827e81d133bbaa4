"""verifier's edge to the DNS; alone knows dnspython."""
