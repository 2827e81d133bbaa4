"""Receives SES's feedback from the SQS queue and from an HTTPS endpoint that SNS posts to.

Only these modules use AWS and HTTP in this service. What the events mean is decided in `model`.
"""
