"""The words of the pages for errors of the services, by reason. Pure."""

from collections.abc import Mapping

from chassis.client import CallFailed
from chassis.errors import Violation
from chassis.reasons import worded

# By error reason, where the pages say something else than the service. Placeholders are keys of the metadata.
WORDS: Mapping[str, str] = {
    "INVALID_PAGE_TOKEN": "This page of the list no longer exists. Go back to the first page.",
    "REQUEST_ID_REUSED": (
        "This form was already submitted and its result is in the list. Submit it again for another one."
    ),
    "MALFORMED_REQUEST": "The request is malformed. Reload the page, then try again.",
    "TENANT_NOT_FOUND": "Account not found.",
    "KEY_NOT_FOUND": "API key not found.",
    "KEY_REPLACED": "The key was replaced already. Use the key that replaced it.",
    "CONTACT_CODE_ENDED": "No code is active. Request a new one.",
    "DOMAIN_NOT_FOUND": "Domain not found.",
    "DOMAIN_EXISTS": "You already have the domain {name}. It is in your list.",
    "DOMAIN_NOT_READY": "{domain} is not ready to send. Add the records that its page shows.",
    "DOMAIN_DELETING": "{domain} is being deleted or is deleted. To use it, add it again.",
    "DOMAIN_NOT_CHALLENGED": "No other account has proved control of {name}. To give it up, delete it.",
    "DOMAIN_CHANGED": "The domain changed since you opened this page. Reload the page, then try again.",
    "LINK_NOT_FOUND": "Link not found.",
    "FROM_NOT_YOURS": "{domain} is not one of your domains. Add it first.",
    "EMAIL_NOT_FOUND": "Email not found.",
    "TEST_ADDRESS_NOT_CONFIRMED": (
        "{address} is not an address of {domain} and is not confirmed for it. Confirm it first."
    ),
    "TEST_CODE_ENDED": (
        "No active code for {address}: it expired, a newer code replaced it, or five wrong codes were "
        "entered. Send a new one."
    ),
    "ENDPOINT_NOT_FOUND": "Webhook not found.",
    "ENDPOINT_EVENT_NOT_FOUND": "Event not found. Events are kept for 30 days.",
    "ENDPOINT_DISABLED": "The webhook is disabled. Enable it first.",
    "TOO_MANY_ENDPOINTS": "You have {limit} webhooks, the limit. Delete one first.",
    "WEBHOOKS_NOT_CONFIGURED": "Webhooks are not set up in this installation. Contact the operator.",
    "CONFLICT": "Something else changed at the same time. Try again.",
    "NOT_OFFERED": "This installation does not offer this yet.",
}
# By the reason of an invalid field, likewise. Each lacks its subject, the field.
FIELD_WORDS: Mapping[str, str] = {
    "MISSING": "is empty; fill it in",
    "FILE_TYPE_REJECTED": "is of type .{type}, which the mail service rejects; send the file another way",
    "RESERVED_HEADER": "is not allowed; use In-Reply-To, References, List-* or X-*",
}


def sentence_of(failure: CallFailed) -> str:
    """Return what a page says about a service's error."""
    if failure.reason == "INVALID_FIELD" and failure.violations:
        return sentence("; ".join(f"{each.field}: {_problem(each)}" for each in failure.violations))
    return worded(WORDS, failure.reason, failure.metadata, failure.message)


def sentence_beside(violation: Violation) -> str:
    """Return what a page says beside the field of a violation."""
    return sentence(f"This {_problem(violation)}")


def sentence(text: str) -> str:
    """Return a text with a capital letter and a full stop."""
    text = text.strip()
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def _problem(violation: Violation) -> str:
    return worded(FIELD_WORDS, violation.reason, violation.metadata, violation.description)
