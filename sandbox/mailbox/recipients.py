"""Recipient behaviour: the SMTP reply for an address, chosen by its local part."""

from collections import OrderedDict
from dataclasses import dataclass

_REMEMBERED = 10_000  # deferred deliveries


@dataclass(frozen=True, slots=True)
class Rule:
    """The reply to addresses whose local part is `start`, or `start` followed by a non-letter."""

    start: str
    reply: str
    once: bool = False  # only for a sender's first attempt (greylisting)

    def covers(self, local_part: str) -> bool:
        """Return whether the rule applies to the local part, with or without a +label or other suffix."""
        rest = local_part.lower().removeprefix(self.start)
        return len(rest) < len(local_part) and not rest[:1].isalpha()


RULES = (
    Rule("bounce", "550 5.1.1 The email account that you tried to reach does not exist"),
    Rule("unknown", "550 5.1.1 The email account that you tried to reach does not exist"),
    Rule("full", "452 4.2.2 The recipient's mailbox is full"),
    Rule("overquota", "552 5.2.2 The recipient's mailbox is over quota"),
    Rule("slow", "451 4.7.1 Greylisted, try again later", once=True),
)


class Recipients:
    """Answers RCPT TO; remembers deferred deliveries, so that the next attempt is accepted."""

    def __init__(self, rules: tuple[Rule, ...] = RULES) -> None:
        self._rules = rules
        self._deferred: OrderedDict[tuple[str, str], None] = OrderedDict()

    def rejection(self, sender: str, recipient: str) -> str | None:
        """Return the SMTP reply that refuses the recipient, or None to accept it."""
        rule = next((rule for rule in self._rules if rule.covers(recipient.rpartition("@")[0])), None)
        if rule is None or (rule.once and self._tried(sender, recipient)):
            return None
        return rule.reply

    def _tried(self, sender: str, recipient: str) -> bool:
        pair = (sender, recipient)
        before = pair in self._deferred
        self._deferred[pair] = None
        while len(self._deferred) > _REMEMBERED:
            self._deferred.popitem(last=False)
        return before
