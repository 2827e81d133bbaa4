"""Resend's Python SDK."""

from typing import Any

import resend

from tests.clients.real.python.letter import (
    ESSENCE,
    FILE,
    FILE_MEANING,
    IMAGE,
    IMAGE_MEANING,
    LETTER,
    SETTING,
    TIMES,
    canceled,
    octets,
    sent,
)

sdk: Any = resend
sdk.api_url = SETTING["url"]
sdk.api_key = SETTING["key"]

least = {name: LETTER[name] for name in ("from", "to", "subject", "text")}
attachments = [
    {"filename": FILE["filename"], "content": list(octets(FILE)), "content_type": FILE["content_type"]},
    {"filename": IMAGE["filename"], "content": IMAGE["content"], "content_id": IMAGE["content_id"]},
]
more = {"html": LETTER["html"], "reply_to": LETTER["replyTo"], "headers": LETTER["headers"]}
sdk.Emails.send(least | more | {"attachments": attachments, "tags": [{"name": "kind", "value": "story"}]})
reply_to = {"reply_to": [LETTER["replyTo"]], "headers": LETTER["headers"]}
sent("send, with files", ESSENCE | reply_to | {"attachments": [FILE_MEANING, IMAGE_MEANING]})

email_id = sdk.Emails.send(least | {"scheduled_at": TIMES["inAnHour"]})["id"]
sdk.Emails.update({"id": email_id, "scheduled_at": TIMES["inTwoHours"]})
sdk.Emails.cancel(email_id)
canceled("schedule, reschedule, cancel", email_id)
