"""The Message-ID of an email as receivers see it. Pure."""


def ses_message_id(ses_id: str, region: str) -> str:
    """Return the Message-ID header that SES writes into an email with this id; empty without an id.

    https://docs.aws.amazon.com/ses/latest/dg/header-fields.html
    """
    host = "email" if region == "us-east-1" else region
    return f"<{ses_id}@{host}.amazonses.com>" if ses_id else ""
