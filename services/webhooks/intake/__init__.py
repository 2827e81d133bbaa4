"""The ways in for SES's feedback: the SQS queue, and an HTTPS endpoint that SNS posts to.

The only users of boto3 and of HTTP in this service; not for what the events mean.
"""
