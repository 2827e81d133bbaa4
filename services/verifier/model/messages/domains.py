"""The sentence of each reason of a domain's state: what it waits for, or why it changed. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Unpack

from chassis.sentences import Sentences
from services.verifier.model.reasons import DomainParameters, DomainReason, Explanation
from services.verifier.model.states import State

MESSAGES: Mapping[DomainReason, str] = {
    DomainReason.UNSPECIFIED: "",
    DomainReason.FIRST_CHECK_DUE: "Waiting for the first DNS check.",
    DomainReason.WAITING_FOR_RECORDS: (
        "Waiting for {waiting_records} of {required_records} records in DNS: {purposes}."
    ),
    DomainReason.WAITING_FOR_SES: (
        "All DNS records are correct; waiting for SES to confirm them, which usually takes a few minutes."
    ),
    DomainReason.SES_CHECK_REQUESTED: "All DNS records are correct; SES is being asked to check again.",
    DomainReason.CAN_SEND: "The domain is verified and can send.",
    DomainReason.RECORDS_GONE: (
        "The domain can send, but {waiting_records} of {required_records} records are gone or wrong in DNS: "
        "{purposes}. Restore them, or the domain becomes DEGRADED."
    ),
    DomainReason.PROOF_DUE: (
        "Publish the TXT record shown to prove that you control this domain. The other records appear once "
        "it is found."
    ),
    DomainReason.CHALLENGER: (
        "Your TXT record was found. Another account sends from this domain and has 72 hours to prove that it "
        "also controls it. Keep your TXT record, and remove any TXT record of the other account."
    ),
    DomainReason.CHALLENGED: (
        "Another account proved control of this domain. Publish the TXT record shown before the deadline to "
        "keep the domain; otherwise sending stops."
    ),
    DomainReason.SUPERSEDED: (
        "Another account proved control of this domain, so this account can no longer send from it. Delete "
        "the domain here. To claim it again, create it and publish the TXT record shown."
    ),
    DomainReason.DISPUTED: (
        "Another account also claims this domain. The TXT record that proves your control of it appears here "
        "within seconds."
    ),
    DomainReason.VERIFIED: "DKIM and the return path are verified in DNS and by SES.",
    DomainReason.VERIFIED_AGAIN: "DKIM and the return path are verified again in DNS and by SES.",
    DomainReason.NO_LONGER_VERIFIED: "No longer verified: the remaining DNS or SES checks.",
    DomainReason.NOT_VERIFIED_AGAIN: "Not verified for 72 hours: the remaining DNS or SES checks.",
    DomainReason.NOT_VERIFIED_IN_TIME: (
        "Not ready within 72 hours. Not verified: the remaining DNS or SES checks."
    ),
    DomainReason.RECORDS_CHANGED: "The DNS records of this domain changed.",
    DomainReason.ANOTHER_ACCOUNT_PROVED: "Another account proved control of this domain.",
}
# The first sentence whose parameters are all known replaces that of MESSAGES.
DETAILED: Mapping[DomainReason, Sequence[str]] = {
    DomainReason.NO_LONGER_VERIFIED: ("No longer verified: {conditions}.",),
    DomainReason.NOT_VERIFIED_AGAIN: ("Not verified for 72 hours: {conditions}.",),
    DomainReason.NOT_VERIFIED_IN_TIME: ("Not ready within 72 hours. Not verified: {conditions}.",),
}
SENTENCES = Sentences(MESSAGES, DETAILED)
PURPOSES = {"DKIM": "DKIM", "RETURN_PATH": "return path", "SPF": "SPF"}
CONDITIONS = {
    "DKIM_DNS": "a DKIM record in DNS",
    "MAIL_FROM_DNS": "the return path or its SPF record in DNS",
    "OWNERSHIP": "the ownership record in DNS",
    "SES_DKIM": "DKIM in SES",
    "SES_MAIL_FROM": "the return path in SES",
    "SES_SENDING": "the sending status in SES",
}
# What a message about a domain that is not verified says besides what it waits for.
_SIGNS = "{message} Email can still be sent from this domain, with its DKIM signature."
_CANNOT_SEND = "{message} Email cannot be sent from this domain."
_UNVERIFIED = {
    State.LOST: "Not verified for 72 hours. {message} Fix this, then call VerifyDomain.",
    State.FAILED: "Not ready within 72 hours. {message} Fix this, then call VerifyDomain.",
}
_UNPROVEN = "Ownership was not proven within 72 hours. {message} Then call VerifyDomain."


def explain(reason: DomainReason, **parameters: Unpack[DomainParameters]) -> Explanation[DomainReason]:
    """Return a reason with its sentence and its parameters, without empty ones."""
    known = {name: value for name, value in parameters.items() if value}
    return Explanation(reason, known, SENTENCES.sentence(reason, known | _words(parameters)))


def _words(parameters: DomainParameters) -> dict[str, list[str]]:
    """Return the lists among the parameters as a sentence names them, without empty ones."""
    words = {
        "purposes": [PURPOSES.get(each, each) for each in parameters.get("purposes", ())],
        "conditions": [CONDITIONS[each] for each in parameters.get("conditions", ())],
    }
    return {name: listed for name, listed in words.items() if listed}


def unverified(state: State, why: Explanation[DomainReason]) -> Explanation[DomainReason]:
    """Return what a domain that is not verified waits for, with a message that says what that means."""
    degraded = _SIGNS if why.parameters.get("can_send") else _CANNOT_SEND
    sentence = degraded if state is State.DEGRADED else _UNVERIFIED.get(state, "{message}")
    return replace(why, message=sentence.format(message=why.message))


def unproven(state: State, reason: DomainReason) -> Explanation[DomainReason]:
    """Return what the owner of a domain without ownership has to do."""
    why = explain(reason)
    return replace(why, message=_UNPROVEN.format(message=why.message)) if state is State.FAILED else why
