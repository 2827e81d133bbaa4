"""How recipients behave: which SMTP answer an address gives, told by its local part."""

from collections import OrderedDict
from dataclasses import dataclass

_REMEMBERED = 10_000  # deferred deliveries


@dataclass(frozen=True, slots=True)
class Rule:
    """Addresses whose local part is `start`, or begins with it and a sign or digit, answer `reply`."""

    start: str
    reply: str
    once: bool = False  # only the first time a sender tries; greylisting

    def covers(self, local_part: str) -> bool:
        """Whether the rule speaks of the local part, which may carry a +label or more after a sign."""
        rest = local_part.lower().removeprefix(self.start)
        return len(rest) < len(local_part) and not rest[:1].isalpha()


RULES = (
    Rule("bounce", "550 5.1.1 The email account that you tried to reach does not exist"),
    Rule("unknown", "550 5.1.1 The email account that you tried to reach does not exist"),
    Rule("full", "452 4.2.2 The recipient's mailbox is full"),
    Rule("overquota", "552 5.2.2 The recipient's mailbox is full and stays so"),
    Rule("slow", "451 4.7.1 Greylisted, try again later", once=True),
)


class Recipients:
    """Answers RCPT TO; remembers who was deferred, so that the next try gets through."""

    def __init__(self, rules: tuple[Rule, ...] = RULES) -> None:
        self._rules = rules
        self._deferred: OrderedDict[tuple[str, str], None] = OrderedDict()

    def refusal(self, sender: str, recipient: str) -> str | None:
        """The SMTP reply that refuses the recipient, or None to accept it."""
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
