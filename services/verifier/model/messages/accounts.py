"""The sentence of each reason of the SES account's state: what it means, and what operators can do. Pure."""

from collections.abc import Mapping, Sequence
from typing import Unpack

from chassis.sentences import Sentences
from services.verifier.model.reasons import AccountParameters, AccountReason, Explanation

MESSAGES: Mapping[AccountReason, str] = {
    AccountReason.UNSPECIFIED: "",
    AccountReason.NEVER_QUERIED: "SES has not been queried yet.",
    AccountReason.UNREACHABLE: "SES did not return the state of this account.",
    AccountReason.CAN_SEND: "The account can send.",
    AccountReason.SANDBOXED: (
        "The account is in the SES sandbox and can send only to verified addresses and the mailbox "
        "simulator. Request production access in the SES console."
    ),
    AccountReason.UNDER_REVIEW: (
        "The account can send, but is under review by SES because of bounces or complaints. Answer "
        "AWS's message in the SES console, under Account dashboard."
    ),
    AccountReason.SUSPENDED: (
        "SES has suspended sending for this account. Answer AWS's message in the SES console, under "
        "Account dashboard."
    ),
    AccountReason.SENDING_DISABLED: (
        "Sending is disabled for this account. Enable it with `aws sesv2 "
        "put-account-sending-attributes --sending-enabled`."
    ),
}
# The first sentence whose parameters are all known replaces that of MESSAGES.
DETAILED: Mapping[AccountReason, Sequence[str]] = {
    AccountReason.UNREACHABLE: ("SES did not return the state of this account. {error}",),
}
SENTENCES = Sentences(MESSAGES, DETAILED)


def explain(reason: AccountReason, **parameters: Unpack[AccountParameters]) -> Explanation[AccountReason]:
    """Return a reason with its sentence and its parameters, without empty ones."""
    known = {name: value for name, value in parameters.items() if value}
    return Explanation(reason, known, SENTENCES.sentence(reason, known))
