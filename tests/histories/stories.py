"""Write a history of one name from a seed: what its DNS owner intends, and what everybody does. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random


class Who(StrEnum):
    """The tenants. The DNS owner may intend Anna or Bert; Mallory and Trudy are strangers."""

    ANNA = "Anna"
    BERT = "Bert"
    MALLORY = "Mallory"
    TRUDY = "Trudy"


STRANGERS = (Who.MALLORY, Who.TRUDY)


class Place(StrEnum):
    """The names of a history; each is claimed by itself."""

    NAME = "the name"
    CHILD = "app.<name>"
    BOUNCES = "send.<name>"  # also the MAIL FROM name of a claim to the name


class Kind(StrEnum):
    """What a step is; the value says it in words, of `who`, `place`, `hours` and `variant`."""

    INTEND = "the DNS owner now intends {who} for {place}"
    ABANDON = "the DNS owner intends nobody for {place} any more"
    CLAIM = "{who} claims {place}"
    DELETE = "{who} deletes the claim to {place}"
    PRESS = "{who} calls VerifyDomain for {place}"
    FOLLOW = "the DNS owner publishes {variant} of what {who}'s page for {place} shows"
    DILIGENCE = "the DNS owner does all that {who}'s page for {place} says, and keeps doing it"
    TIDY = "the DNS owner removes {who}'s TXT records at _letterhead of {place}"
    WITHDRAW = "the DNS owner removes every record of {place}"
    WILDCARD = "the DNS owner publishes a wildcard under {place}: {variant}, with a token of {who}"
    ALIAS = "a CNAME at _letterhead of {place} leads to a host where {who} publishes the token"
    PLAIN = "the DNS owner removes wildcards and aliases of {place}"
    PASS = "{hours:g} h pass"
    KILL = "{variant} is killed"
    REMAKE = "somebody deletes the SES identity of {place} by hand"
    FLIGHT = "an email of {who} from {place} is being submitted to SES"
    LANDED = "the email of {who} from {place} is accepted by SES"
    RELEASE = "{who} releases {place}"
    ADOPT = "an operator adopts {who}'s claim to {place}"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a history."""

    kind: Kind
    who: Who = Who.ANNA
    place: Place = Place.NAME
    hours: float = 0
    variant: str = ""

    def __str__(self) -> str:
        return self.kind.value.format(
            who=self.who.value, place=self.place.value, hours=self.hours, variant=self.variant
        )


ALL, HALF, STALE, ONE_SERVER = "all", "half", "an old copy", "all, on one name server only,"
TXT, CNAME = "TXT", "CNAME"
SERVICES = ("identity", "verifier")


@dataclass(frozen=True, slots=True)
class Story:
    """What happens to one name.

    `same_tokens`: SES gives the name the same DKIM tokens whenever its identity is made again. `foreign`: SES
    has an identity of that name that is not ours.
    """

    seed: int
    steps: tuple[Step, ...]
    same_tokens: bool
    foreign: bool


class Leaving(StrEnum):
    """What a former tenant does when the DNS owner turns to another."""

    SILENT = "does nothing"
    DELETES = "deletes the claim first"
    WITHDRAWN = "loses the records first"
    RELEASES = "releases the name once it is challenged"
    ADOPTED = "is overruled by an operator"
    FIGHTS = "has its new token published as well"


def story(seed: int) -> Story:
    """Return the history of this seed; always the same one."""
    chance = Random(seed)  # noqa: S311 - chance, no secret
    foreign = chance.random() < 0.04
    writer = _Writer(chance)
    steps = writer.foreign() if foreign else writer.history()
    return Story(seed, tuple(steps), same_tokens=chance.random() < 0.6, foreign=foreign)


class _Writer:
    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._steps: list[Step] = []

    def history(self) -> Sequence[Step]:
        """Intentions one after the other, with strangers and accidents in between."""
        reigns = self._chance.choices(
            [(Who.ANNA,), (Who.ANNA, Who.BERT), (Who.ANNA, Who.BERT, Who.ANNA), (Who.ANNA, None, Who.BERT)],
            weights=[35, 40, 15, 10],
        )[0]
        self._strangers(0.6)
        former: Who | None = None
        for number, who in enumerate(reigns):
            last = number == len(reigns) - 1
            if who is None:
                self._nobody()
            else:
                self._reign(who, former, last=last)
                former = who
        if self._maybe(0.2):
            self._child()
        self._strangers(0.4)
        self._pass(1, 100)
        return self._steps

    def foreign(self) -> Sequence[Step]:
        """Claims on a name whose SES identity is not ours: all that may happen is nothing."""
        self._add(Kind.INTEND, Who.ANNA)
        self._add(Kind.CLAIM, Who.ANNA)
        self._strangers(0.7)
        self._pass(1, 80)
        self._add(Kind.DELETE, Who.ANNA)
        self._pass(1, 5)
        return self._steps

    def _nobody(self) -> None:
        self._add(Kind.ABANDON)
        self._add(Kind.WITHDRAW)
        self._pass(30, 200)
        self._strangers(0.5)

    def _reign(self, who: Who, former: Who | None, *, last: bool) -> None:
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
            self._add(Kind.TIDY, former)

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
        """The DNS owner of two tenants names both, and decides for the new one later."""
        self._add(Kind.FOLLOW, former, variant=ALL)
        self._pass(1, 90)
        self._add(Kind.TIDY, former)

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
            self._add(Kind.TIDY, who)
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
        self._stranger(Place.CHILD)
        self._add(Kind.INTEND, who, Place.CHILD)
        self._add(Kind.CLAIM, who, Place.CHILD)
        self._add(Kind.DILIGENCE, who, Place.CHILD)

    def _strangers(self, likely: float) -> None:
        while self._maybe(likely):
            self._stranger(self._chance.choices(list(Place), weights=[8, 2, 2])[0])
            likely /= 2

    def _stranger(self, place: Place) -> None:
        who = self._chance.choice(STRANGERS)
        self._add(Kind.CLAIM, who, place)
        if self._maybe(0.3):
            self._pass(0.2, 100)
        if self._maybe(0.4):
            self._add(Kind.PRESS, who, place)
        if self._maybe(0.75):
            self._add(Kind.DELETE, who, place)

    def _pass(self, least: float, most: float, *, often: float = 1) -> None:
        """Short times as often as long ones: drawn evenly over their orders of magnitude."""
        if self._maybe(often):
            hours = least * (most / least) ** self._chance.random()
            self._add(Kind.PASS, hours=round(hours, 1))

    def _add(
        self,
        kind: Kind,
        who: Who = Who.ANNA,
        place: Place = Place.NAME,
        *,
        hours: float = 0,
        variant: str = "",
    ) -> None:
        self._steps.append(Step(kind, who, place, hours, variant))
        if self._maybe(0.01):
            self._steps.append(Step(Kind.KILL, variant=self._chance.choice(SERVICES)))
        if kind is not Kind.PASS and self._maybe(0.04):
            who = self._chance.choice(STRANGERS)
            self._steps.append(Step(self._chance.choice([Kind.CLAIM, Kind.DELETE, Kind.PRESS]), who, place))

    def _maybe(self, likely: float) -> bool:
        return self._chance.random() < likely
