"""The sentences that say what a state waits for, and why it changed. Pure; hints on records are elsewhere."""

from collections.abc import Sequence

from services.verifier.model.evidence import EVIDENCE
from services.verifier.model.ownership import Ownership
from services.verifier.model.records import Purpose, Verdict
from services.verifier.model.states import ALL_AXES, Axes, Evidence, State

_WORDS = {
    "dkim_dns": "a DKIM record in DNS",
    "mail_from_dns": "the return path or its SPF record in DNS",
    "ownership": "the proof of ownership in DNS",
    "ses_dkim": "DKIM at SES",
    "ses_mail_from": "the return path at SES",
    "ses_sending": "the verification at SES",
}
_RECORDS = {
    Purpose.DKIM: "DKIM",
    Purpose.RETURN_PATH: "return path",
    Purpose.SPF: "SPF",
}

UNPROVEN: dict[Ownership, str] = {
    Ownership.PROOF_DUE: (
        "Publish the TXT record shown to prove that you control this domain. Its other records follow."
    ),
    Ownership.CHALLENGER: (
        "Your proof was found. Another account sends from this domain and has 72 hours to prove that it "
        "controls it too. Keep the TXT record; if you also see that account's, remove it."
    ),
    Ownership.SUPERSEDED: (
        "Another account proved control of this domain, so it no longer sends from here. Delete it; to claim "
        "it again, add it and publish the TXT record that it shows."
    ),
}
CHALLENGED = (
    "Another account proved control of this domain. Publish the TXT record shown to keep it; "
    "otherwise sending stops at the deadline."
)
REVIVED = (
    "Another account claims this domain too. The TXT record that proves it as yours appears here in seconds."
)
SUPERSEDED = "Another account proved control of this domain."
NEW = "Waiting for the first look at its records."
NEW_GENERATION = "Its records were changed."


def cause_of(before: State, after: State, axes: Axes) -> str:
    """Returns why a claim went from one state to another."""
    broken = _list([_WORDS[name] for name in axes.bad(ALL_AXES)]) or "what was missing"
    match after:
        case State.READY if before is State.PENDING:
            return "DKIM and the return path are good in DNS and at SES."
        case State.READY:
            return "DKIM and the return path are good again, in DNS and at SES."
        case State.DEGRADED:
            return f"No longer good: {broken}."
        case State.LOST:
            return f"Not good for 72 hours: {broken}."
    return f"Not ready within 72 hours. Not good: {broken}."


def note_of(
    state: State,
    axes: Axes,
    verdicts: Sequence[tuple[Purpose, Verdict]],
    ownership: Ownership,
    *,
    signs: bool,
) -> str:
    """Returns what a state waits for. `signs` says that DKIM is good in DNS and at SES."""
    if ownership is Ownership.CHALLENGED:
        return CHALLENGED
    if axes.ownership is Evidence.NONE:
        return _unproven(state, UNPROVEN.get(ownership, REVIVED))
    if state is State.READY:
        return "Sends as itself."
    manner = "It still sends as itself, by DKIM." if signs else "It does not send as itself."
    frame = {
        State.DEGRADED: f"{{}} {manner}",
        State.LOST: "Lost after 72 hours. {} Then call VerifyDomain.",
        State.FAILED: "Not ready within 72 hours. {} Then call VerifyDomain.",
    }
    return frame.get(state, "{}").format(_waiting(axes, verdicts))


def _unproven(state: State, sentence: str) -> str:
    if state is State.FAILED:
        return f"Not proven within 72 hours. {sentence} Then call VerifyDomain."
    return sentence


def _waiting(axes: Axes, verdicts: Sequence[tuple[Purpose, Verdict]]) -> str:
    lacking = [purpose for purpose, verdict in verdicts if EVIDENCE[verdict] is not Evidence.GOOD]
    if lacking:
        names = list(dict.fromkeys(_RECORDS.get(purpose, purpose.value) for purpose in lacking))
        return f"Waiting for {len(lacking)} of {len(verdicts)} records in DNS: {_list(names)}."
    if Evidence.BAD in (axes.ses_dkim, axes.ses_mail_from):
        return "DNS is right; SES is being asked to look again."
    return "DNS is right; waiting for SES to see it, which usually takes minutes."


def _list(words: Sequence[str]) -> str:
    return " and ".join(words) if len(words) < 3 else f"{', '.join(words[:-1])} and {words[-1]}"
