"""Generate the history of one name from a seed: the intents of its DNS owner and all actions. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random


class Who(StrEnum):
    """The tenants. The DNS owner may intend Anna or Bert; Mallory and Trudy are strangers to the owner."""

    ANNA = "Anna"
    BERT = "Bert"
    MALLORY = "Mallory"
    TRUDY = "Trudy"


STRANGERS = (Who.MALLORY, Who.TRUDY)


class Target(StrEnum):
    """The names of a history; each is claimed separately."""

    NAME = "the name"
    CHILD = "app.<name>"
    BOUNCES = "send.<name>"  # also the MAIL FROM domain of a claim on NAME


class Kind(StrEnum):
    """The kind of a step; the value is a template of `who`, `target`, `hours` and `variant`."""

    INTEND = "the DNS owner now intends {who} for {target}"
    ABANDON = "the DNS owner no longer intends any tenant for {target}"
    CLAIM = "{who} claims {target}"
    DELETE = "{who} deletes the claim on {target}"
    PRESS = "{who} calls VerifyDomain for {target}"
    FOLLOW = "the DNS owner publishes {variant} of the records on {who}'s page for {target}"
    DILIGENCE = "the DNS owner follows {who}'s page for {target} completely, and again after each change"
    REMOVE_TXT = "the DNS owner removes {who}'s TXT records at _letterhead of {target}"
    WITHDRAW = "the DNS owner removes every record of {target}"
    WILDCARD = "the DNS owner publishes a wildcard under {target}: {variant}, with a token of {who}"
    ALIAS = "a CNAME at _letterhead of {target} points to a host where {who} publishes the token"
    PLAIN = "the DNS owner removes wildcards and aliases of {target}"
    PASS = "{hours:g} h pass"
    KILL = "{variant} is killed"
    REMAKE = "an operator deletes the SES identity of {target} at the AWS console"
    FLIGHT = "{who} starts to submit an email from {target} to SES"
    LANDED = "SES accepts the email of {who} from {target}"
    RELEASE = "{who} releases {target}"
    ADOPT = "an operator adopts {who}'s claim on {target}"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a history."""

    kind: Kind
    who: Who = Who.ANNA
    target: Target = Target.NAME
    hours: float = 0
    variant: str = ""

    def __str__(self) -> str:
        return self.kind.value.format(
            who=self.who.value, target=self.target.value, hours=self.hours, variant=self.variant
        )


ALL, HALF, STALE, ONE_SERVER = "all", "half", "an old copy", "all, on one name server only,"
TXT, CNAME = "TXT", "CNAME"
SERVICES = ("identity", "verifier")


@dataclass(frozen=True, slots=True)
class Story:
    """The steps of one history.

    `same_tokens`: SES assigns the same DKIM tokens whenever the identity is created again. `foreign`: SES has
    an identity of that name that is not ours.
    """

    seed: int
    steps: tuple[Step, ...]
    same_tokens: bool
    foreign: bool


class Leaving(StrEnum):
    """What happens to the former tenant when the DNS owner intends another one."""

    SILENT = "does nothing"
    DELETES = "deletes the claim first"
    WITHDRAWN = "the DNS owner removes its records first"
    RELEASES = "releases the name once it is challenged"
    ADOPTED = "an operator adopts the new tenant's claim"
    FIGHTS = "the DNS owner publishes its new token as well"


def story(seed: int) -> Story:
    """Return the history of a seed, which is always the same."""
    chance = Random(seed)  # noqa: S311 - reproducible, not security
    foreign = chance.random() < 0.04
    writer = _Writer(chance)
    steps = writer.foreign() if foreign else writer.history()
    return Story(seed, tuple(steps), same_tokens=chance.random() < 0.6, foreign=foreign)


class _Writer:
    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._steps: list[Step] = []

    def history(self) -> Sequence[Step]:
        """Return the steps of a history: successive intents, with strangers and accidents in between."""
        intents = self._chance.choices(
            [(Who.ANNA,), (Who.ANNA, Who.BERT), (Who.ANNA, Who.BERT, Who.ANNA), (Who.ANNA, None, Who.BERT)],
            weights=[35, 40, 15, 10],
        )[0]
        self._strangers(0.6)
        former: Who | None = None
        for number, who in enumerate(intents):
            last = number == len(intents) - 1
            if who is None:
                self._abandoned()
            else:
                self._intended(who, former, last=last)
                former = who
        if self._maybe(0.2):
            self._child()
        self._strangers(0.4)
        self._pass(1, 100)
        return self._steps

    def foreign(self) -> Sequence[Step]:
        """Return the steps for a name whose SES identity is not ours and must not change."""
        self._add(Kind.INTEND, Who.ANNA)
        self._add(Kind.CLAIM, Who.ANNA)
        self._strangers(0.7)
        self._pass(1, 80)
        self._add(Kind.DELETE, Who.ANNA)
        self._pass(1, 5)
        return self._steps

    def _abandoned(self) -> None:
        self._add(Kind.ABANDON)
        self._add(Kind.WITHDRAW)
        self._pass(30, 200)
        self._strangers(0.5)

    def _intended(self, who: Who, former: Who | None, *, last: bool) -> None:
        self._add(Kind.INTEND, who)
        leaving = self._chance.choice(list(Leaving)) if former else Leaving.SILENT
        if former:
            self._before(former, leaving)
        self._strangers(0.4)
        self._add(Kind.CLAIM, who)
        self._mistakes(who)
        if former:
            self._between(who, former, leaving)
        if last or self._maybe(0.85):
            self._add(Kind.DILIGENCE, who)
            self._afterwards(who)

    def _before(self, former: Who, leaving: Leaving) -> None:
        if self._maybe(0.2):
            self._add(Kind.FLIGHT, former)
        if leaving is Leaving.DELETES:
            self._add(Kind.DELETE, former)
            self._pass(0.2, 300, often=0.5)
        elif leaving is Leaving.WITHDRAWN:
            self._add(Kind.WITHDRAW)
            self._pass(1, 200)
        elif self._maybe(0.5):
            self._add(Kind.REMOVE_TXT, former)

    def _between(self, who: Who, former: Who, leaving: Leaving) -> None:
        if leaving is Leaving.ADOPTED:
            self._pass(0.2, 30, often=0.5)
            self._add(Kind.ADOPT, who)
        elif leaving in (Leaving.RELEASES, Leaving.FIGHTS):
            self._add(Kind.FOLLOW, who, variant=ALL)
            self._pass(0.5, 20)
            if leaving is Leaving.FIGHTS:
                self._fight(former)
            if leaving is Leaving.RELEASES or self._maybe(0.4):
                self._add(Kind.RELEASE, former)
        if self._maybe(0.9):
            self._add(Kind.LANDED, former)

    def _fight(self, former: Who) -> None:
        """Publish the former tenant's token as well, and remove it later."""
        self._add(Kind.FOLLOW, former, variant=ALL)
        self._pass(1, 90)
        self._add(Kind.REMOVE_TXT, former)

    def _mistakes(self, who: Who) -> None:
        for _ in range(self._chance.choice([0, 0, 1, 1, 2])):
            mistake = self._chance.randrange(6)
            if mistake == 0:
                self._add(Kind.FOLLOW, who, variant=HALF)
            elif mistake == 1:
                self._add(Kind.FOLLOW, who, variant=STALE)
            elif mistake == 2:
                self._add(Kind.FOLLOW, who, variant=ONE_SERVER)
            elif mistake == 3:
                self._oddity(self._chance.choice([who, *STRANGERS]))
            elif mistake == 4:
                self._add(Kind.FOLLOW, who, variant=ALL)
            self._pass(0.2, 120)

    def _oddity(self, who: Who) -> None:
        if who in STRANGERS:
            self._add(Kind.CLAIM, who)
        if self._maybe(0.5):
            self._add(Kind.ALIAS, who)
        else:
            self._add(Kind.WILDCARD, who, variant=self._chance.choice([TXT, CNAME]))
        self._pass(1, 100)
        self._add(Kind.PLAIN)

    def _afterwards(self, who: Who) -> None:
        if self._maybe(0.4):
            self._add(Kind.REMOVE_TXT, who)
        if self._maybe(0.12):
            self._add(Kind.REMAKE)
            self._pass(1, 5)
            self._add(Kind.DILIGENCE, who)
        self._strangers(0.6)
        self._pass(1, 250, often=0.6)
        if self._maybe(0.1):
            self._add(Kind.DELETE, who)
            self._pass(0.2, 250)
            self._strangers(0.3)
            self._add(Kind.CLAIM, who)
            self._add(Kind.DILIGENCE, who)

    def _child(self) -> None:
        who = self._chance.choice([Who.ANNA, Who.BERT])
        self._stranger(Target.CHILD)
        self._add(Kind.INTEND, who, Target.CHILD)
        self._add(Kind.CLAIM, who, Target.CHILD)
        self._add(Kind.DILIGENCE, who, Target.CHILD)

    def _strangers(self, likely: float) -> None:
        while self._maybe(likely):
            self._stranger(self._chance.choices(list(Target), weights=[8, 2, 2])[0])
            likely /= 2

    def _stranger(self, target: Target) -> None:
        who = self._chance.choice(STRANGERS)
        self._add(Kind.CLAIM, who, target)
        if self._maybe(0.3):
            self._pass(0.2, 100)
        if self._maybe(0.4):
            self._add(Kind.PRESS, who, target)
        if self._maybe(0.75):
            self._add(Kind.DELETE, who, target)

    def _pass(self, least: float, most: float, *, often: float = 1) -> None:
        """Let time pass; the hours are drawn from a log-uniform distribution."""
        if self._maybe(often):
            hours = least * (most / least) ** self._chance.random()
            self._add(Kind.PASS, hours=round(hours, 1))

    def _add(
        self,
        kind: Kind,
        who: Who = Who.ANNA,
        target: Target = Target.NAME,
        *,
        hours: float = 0,
        variant: str = "",
    ) -> None:
        self._steps.append(Step(kind, who, target, hours, variant))
        if self._maybe(0.01):
            self._steps.append(Step(Kind.KILL, variant=self._chance.choice(SERVICES)))
        if kind is not Kind.PASS and self._maybe(0.04):
            who = self._chance.choice(STRANGERS)
            self._steps.append(Step(self._chance.choice([Kind.CLAIM, Kind.DELETE, Kind.PRESS]), who, target))

    def _maybe(self, likely: float) -> bool:
        return self._chance.random() < likely
