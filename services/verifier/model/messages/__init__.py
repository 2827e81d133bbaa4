"""The sentences of the verifier's reasons: one catalogue each for records, domains and SES accounts."""
