"""A simulated Internet to run the real services against: DNS, SES with SNS and SQS, and a mailbox.

Demo and test use only; no service may import it.
"""
