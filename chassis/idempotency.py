"""Request ids, with which a client may repeat a call that creates something without creating it twice.

Each service stores the request id in the transaction that creates the resource, and answers a repetition with
that resource. `chassis.errors.RequestIdReused` is for an id that was used with other content.
"""

from chassis.errors import InvalidField

MAX_REQUEST_ID = 256


def valid_request_id(text: str) -> str | None:
    """Return a valid request id; None if it is empty, so that every call creates something new."""
    if len(text) > MAX_REQUEST_ID:
        raise InvalidField("request_id", "TOO_LONG", limit=MAX_REQUEST_ID)
    if not text.isprintable():
        raise InvalidField("request_id", "CONTROL_CHARACTER")
    return text or None
