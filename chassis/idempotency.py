"""Request ids, with which a client may repeat a call that creates something without creating it twice.

Each service stores the request id in the transaction that creates the resource, and answers a repetition with
that resource. `chassis.errors.RequestIdReused` is for an id that was used with other content.
"""

from chassis.errors import InvalidField

MAX_REQUEST_ID = 256


def valid_request_id(text: str) -> str | None:
    """Return a valid request id; None if it is empty, so that every call creates something new."""
    if len(text) > MAX_REQUEST_ID or not text.isprintable():
        problem = f"must be at most {MAX_REQUEST_ID} printable characters; use a UUID"
        raise InvalidField("request_id", problem)
    return text or None
