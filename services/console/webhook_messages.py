"""The sentences of the pages about webhooks: what is wrong with one, its events and its posts. Pure."""

from datetime import timedelta

from letterhead.webhooks.v1.webhook_service_pb2 import Attempt, Endpoint, EndpointEvent
from services.console.dates import moment

DISABLED_AFTER = timedelta(days=5)  # as deliverer has it
_DISABLED = {
    Endpoint.DISABLE_REASON_REQUESTED: (
        "You disabled it. Events are kept for 30 days but not posted. Enable it, and recover what it missed."
    ),
    Endpoint.DISABLE_REASON_GONE: (
        "It was disabled because the URL answered with status 410 (Gone). Make the URL answer with a 2xx "
        "status, or enter the new URL, then enable it and recover what it missed."
    ),
    Endpoint.DISABLE_REASON_FAILING: (
        "It was disabled because every post failed for five days. The attempts of the events below show the "
        "answers. Fix the receiver, then enable it and recover what it missed."
    ),
}
_PROBLEMS = {
    Attempt.PROBLEM_TIMEOUT: "No answer arrived in time. Answer first, then process the event.",
    Attempt.PROBLEM_NAME_NOT_FOUND: "The host name has no address. Check the DNS records of the host.",
    Attempt.PROBLEM_NOT_PUBLIC: (
        "The URL, or the address of its host, is not allowed. Use a host on the public Internet."
    ),
    Attempt.PROBLEM_CONNECTION: "The connection was refused or broke. Check that the receiver is running.",
    Attempt.PROBLEM_TLS: "The TLS certificate is not valid for the host. Renew or correct it.",
    Attempt.PROBLEM_NOT_HTTP: "The answer was not HTTP. Check that an HTTPS server listens on the port.",
}
_UNSOLVED = {
    EndpointEvent.STATE_FAILED: "No attempt succeeded. Fix the receiver, then post it again.",
    EndpointEvent.STATE_UNSENT: "The webhook was disabled, so it was not posted. Recover its events.",
}
_REDIRECT = "Redirects are not followed. Enter the URL that it leads to."


def of_disabled(endpoint: Endpoint) -> str:
    """Return why an endpoint is disabled and what to do; empty if it is enabled."""
    if endpoint.state != Endpoint.STATE_DISABLED:
        return ""
    unknown = "It is disabled. Events are kept but not posted. Enable it to receive events again."
    return _DISABLED.get(endpoint.disable_reason, unknown)


def of_failing(endpoint: Endpoint) -> str:
    """Return since when every post to an enabled endpoint failed and what to do; empty if that is not so."""
    if endpoint.state == Endpoint.STATE_DISABLED or not endpoint.HasField("failing_since_time"):
        return ""
    since = endpoint.failing_since_time.ToDatetime()
    return (
        f"Every post has failed since {moment(since)}. The attempts of the events below show why. Fix the "
        "receiver: failed posts are repeated for four days. If none succeeds by "
        f"{moment(since + DISABLED_AFTER)}, the webhook is disabled; its events are kept for 30 days."
    )


def of_event(event: EndpointEvent) -> str:
    """Return why an event is not posted any more and what to do; empty if it was delivered or is pending."""
    return _UNSOLVED.get(event.state, "")


def of_attempt(attempt: Attempt) -> str:
    """Return why a post failed and what to do, if the answer itself does not say it; else an empty text."""
    if not attempt.status:
        return _PROBLEMS.get(attempt.problem, "There was no answer.")
    return _REDIRECT if 300 <= attempt.status < 400 else ""
