"""The sentences that say what a state waits for, and why it changed. Pure; hints on records are elsewhere."""

from collections.abc import Sequence

from services.verifier.model.evidence import EVIDENCE
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
    Purpose.OWNERSHIP: "ownership",
}

UNPROVEN = "It has to be proven that this name is yours, which is not offered yet: ask the operator."
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


def note_of(state: State, axes: Axes, verdicts: Sequence[tuple[Purpose, Verdict]], *, signs: bool) -> str:
    """Returns what a state waits for. `signs` says that DKIM is good in DNS and at SES."""
    match state:
        case State.READY:
            return "Sends as itself."
        case State.DEGRADED:
            manner = "It still sends as itself, by DKIM." if signs else "It does not send as itself."
            return f"{_waiting(axes, verdicts)} {manner}"
        case State.LOST:
            return f"Lost after 72 hours. {_waiting(axes, verdicts)} Then call VerifyDomain."
        case State.FAILED:
            return f"Not ready within 72 hours. {_waiting(axes, verdicts)} Then call VerifyDomain."
    return _waiting(axes, verdicts)


def _waiting(axes: Axes, verdicts: Sequence[tuple[Purpose, Verdict]]) -> str:
    if axes.ownership is Evidence.NONE and Purpose.OWNERSHIP not in dict(verdicts):
        return UNPROVEN
    lacking = [purpose for purpose, verdict in verdicts if EVIDENCE[verdict] is not Evidence.GOOD]
    if lacking:
        names = list(dict.fromkeys(_RECORDS.get(purpose, purpose.value) for purpose in lacking))
        return f"Waiting for {len(lacking)} of {len(verdicts)} records in DNS: {_list(names)}."
    if Evidence.BAD in (axes.ses_dkim, axes.ses_mail_from):
        return "DNS is right; SES is being asked to look again."
    return "DNS is right; waiting for SES to see it, which usually takes minutes."


def _list(words: Sequence[str]) -> str:
    return " and ".join(words) if len(words) < 3 else f"{', '.join(words[:-1])} and {words[-1]}"
