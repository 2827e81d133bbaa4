"""State messages: what a state waits for, and why it changed. Pure; messages on records are in `messages`."""

from collections.abc import Sequence

from services.verifier.model.evidence import EVIDENCE
from services.verifier.model.ownership import Ownership
from services.verifier.model.records import Purpose, RecordStatus
from services.verifier.model.states import ALL_CONDITIONS, Conditions, Evidence, State

_CONDITION_NAMES = {
    "dkim_dns": "a DKIM record in DNS",
    "mail_from_dns": "the return path or its SPF record in DNS",
    "ownership": "the ownership record in DNS",
    "ses_dkim": "DKIM in SES",
    "ses_mail_from": "the return path in SES",
    "ses_sending": "the sending status in SES",
}
_RECORD_NAMES = {
    Purpose.DKIM: "DKIM",
    Purpose.RETURN_PATH: "return path",
    Purpose.SPF: "SPF",
}

UNPROVEN: dict[Ownership, str] = {
    Ownership.PROOF_DUE: (
        "Publish the TXT record shown to prove that you control this domain. The other records appear once "
        "it is found."
    ),
    Ownership.CHALLENGER: (
        "Your TXT record was found. Another account sends from this domain and has 72 hours to prove that it "
        "also controls it. Keep your TXT record, and remove any TXT record of the other account."
    ),
    Ownership.SUPERSEDED: (
        "Another account proved control of this domain, so this account can no longer send from it. Delete "
        "the domain here. To claim it again, create it and publish the TXT record shown."
    ),
}
CHALLENGED = (
    "Another account proved control of this domain. Publish the TXT record shown before the deadline to keep "
    "the domain; otherwise sending stops."
)
REVIVED = (
    "Another account also claims this domain. The TXT record that proves your control of it appears here "
    "within seconds."
)
SUPERSEDED = "Another account proved control of this domain."
NEW = "Waiting for the first DNS check."
NEW_GENERATION = "The DNS records of this domain changed."


def cause_of(before: State, after: State, conditions: Conditions) -> str:
    """Return why a claim moved from one state to another."""
    broken = (
        _list([_CONDITION_NAMES[name] for name in conditions.bad(ALL_CONDITIONS)])
        or "the remaining DNS or SES checks"
    )
    match after:
        case State.READY if before is State.PENDING:
            return "DKIM and the return path are verified in DNS and by SES."
        case State.READY:
            return "DKIM and the return path are verified again in DNS and by SES."
        case State.DEGRADED:
            return f"No longer verified: {broken}."
        case State.LOST:
            return f"Not verified for 72 hours: {broken}."
    return f"Not ready within 72 hours. Not verified: {broken}."


def state_message(
    state: State,
    conditions: Conditions,
    statuses: Sequence[tuple[Purpose, RecordStatus]],
    ownership: Ownership,
    *,
    signs: bool,
) -> str:
    """Return the message that says what a state waits for.

    `signs` is true when DKIM is verified in DNS and by SES, so that email carries the domain's signature.
    """
    if ownership is Ownership.CHALLENGED:
        return CHALLENGED
    if conditions.ownership is Evidence.NONE:
        return _unproven(state, UNPROVEN.get(ownership, REVIVED))
    if state is State.READY:
        return "The domain is verified and can send."
    sending = (
        "Email can still be sent from this domain, with its DKIM signature."
        if signs
        else "Email cannot be sent from this domain."
    )
    templates = {
        State.DEGRADED: f"{{}} {sending}",
        State.LOST: "Not verified for 72 hours. {} Fix this, then call VerifyDomain.",
        State.FAILED: "Not ready within 72 hours. {} Fix this, then call VerifyDomain.",
    }
    return templates.get(state, "{}").format(_waiting(conditions, statuses))


def _unproven(state: State, message: str) -> str:
    if state is State.FAILED:
        return f"Ownership was not proven within 72 hours. {message} Then call VerifyDomain."
    return message


def _waiting(conditions: Conditions, statuses: Sequence[tuple[Purpose, RecordStatus]]) -> str:
    lacking = [purpose for purpose, status in statuses if EVIDENCE[status] is not Evidence.GOOD]
    if lacking:
        names = list(dict.fromkeys(_RECORD_NAMES.get(purpose, purpose.value) for purpose in lacking))
        return f"Waiting for {len(lacking)} of {len(statuses)} records in DNS: {_list(names)}."
    if Evidence.BAD in (conditions.ses_dkim, conditions.ses_mail_from):
        return "All DNS records are correct; SES is being asked to check again."
    return "All DNS records are correct; waiting for SES to confirm them, which usually takes a few minutes."


def _list(names: Sequence[str]) -> str:
    return " and ".join(names) if len(names) < 3 else f"{', '.join(names[:-1])} and {names[-1]}"
