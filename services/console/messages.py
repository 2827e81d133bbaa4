"""Messages of the services in the terms of the pages. Pure."""

import re

_PLAIN = (
    (re.compile(r"\bcall VerifyDomain\b"), "choose Check again"),
    (re.compile(r"\bGetDomain shows it and its records\b"), "it is in your list"),
    (re.compile(r"\bGetDomain\b"), "its page"),
    (re.compile(r" with (?:CreateDomain|SendTestCode)\b"), ""),
    (
        re.compile(
            r"\b[Tt]his request_id was used before for something else; use a new one for a new request\b"
        ),
        "this form was already submitted and its result is in the list; submit it again for another one",
    ),
    (re.compile(r"\b(?:(?:Amazon|AWS) )?SES\b"), "the mail service"),
    (re.compile(r"\bAWS\b"), "the mail service"),
)


def sentence(text: str) -> str:
    """Return a service's error message as a sentence with a capital letter and a full stop."""
    text = plain(text.strip())
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


def plain(text: str) -> str:
    """Return a service's message without RPC names and without the name of the mail service's provider."""
    begins_upper = text[:1].isupper()
    for pattern, replacement in _PLAIN:
        text = pattern.sub(replacement, text)
    return text[:1].upper() + text[1:] if begins_upper else text
