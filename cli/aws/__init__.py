"""What Letterhead needs in AWS, how that differs from what exists, and the calls that make it so.

`target`, `policies`, `desired` and `plan` are pure; `api` makes every call; `ses`, `sns`, `sqs`, `events` and
`iam` read and write one kind of resource each; `setup` plans and applies. deploy/terraform is equal to it.
"""
