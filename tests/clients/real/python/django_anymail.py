"""Django-Anymail's backend for Resend, as a Django project configures it. It cannot cancel an email."""

import django
from anymail.message import AnymailMessage
from django.conf import settings

from tests.clients.real.python.letter import (
    ESSENCE,
    FILE,
    FILE_MEANING,
    IMAGE,
    IMAGE_MEANING,
    LETTER,
    SETTING,
    TIMES,
    octets,
    scheduled,
    sent,
)

settings.configure(
    EMAIL_BACKEND="anymail.backends.resend.EmailBackend",
    ANYMAIL={"RESEND_API_KEY": SETTING["key"], "RESEND_API_URL": SETTING["url"]},
)
django.setup()


def a_message(**fields: object) -> AnymailMessage:
    """Return a message to the recipient, with more or other fields."""
    least = {
        "subject": LETTER["subject"],
        "body": LETTER["text"],
        "from_email": LETTER["from"],
        "to": [LETTER["to"]],
    }
    return AnymailMessage(**(least | fields))


message = a_message(
    reply_to=[LETTER["replyTo"]], headers=LETTER["headers"], tags=["story"], metadata={"order": 7}
)
message.attach_alternative(LETTER["html"], "text/html")
message.attach(FILE["filename"], octets(FILE).decode(), FILE["content_type"])
content_id = message.attach_inline_image(octets(IMAGE), IMAGE["filename"])
message.send()
headers = LETTER["headers"] | {"X-Tags": '["story"]', "X-Metadata": '{"order": 7}'}
image = IMAGE_MEANING | {"content_id": content_id}
reply_to = {"reply_to": [LETTER["replyTo"]], "headers": headers}
sent("send, with files, tags and metadata", ESSENCE | reply_to | {"attachments": [FILE_MEANING, image]})

many = a_message(to=[LETTER["second"], LETTER["third"]], merge_data={})
many.send()
sent("send to many", {"to": [LETTER["second"]], "text": LETTER["text"]}, LETTER["second"])
sent("send to many", {"to": [LETTER["third"]], "text": LETTER["text"]}, LETTER["third"])

later = a_message(send_at=TIMES["inAnHour"])
later.send()
scheduled("send at a time", later.anymail_status.message_id)
