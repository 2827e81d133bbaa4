"""As whom an email leaves, over everything that can be known of its domain."""

from collections import Counter
from dataclasses import replace
from itertools import product
from uuid import UUID

import pytest

from services.sender.model.emails import Address, SentAs
from services.sender.model.impersonation import RESERVED, ProtectedNames
from services.sender.model.origin import (
    STAND_IN,
    Domain,
    Origin,
    SharedSender,
    Standing,
    origin,
    own_sender,
    shared_sender,
)
from tests.figures import Figure

# Every state of a domain, none, and one that a later version may bring.
STATES = [
    "",
    "PROVISIONING",
    "PENDING",
    "READY",
    "DEGRADED",
    "LOST",
    "FAILED",
    "DELETING",
    "DELETED",
    "ASLEEP",
]
HOLDERS = ("SOLE", "PROVEN", "CHALLENGED")
# Every word for how a claim stands to its name, none, and one that a later version may bring.
OWNERSHIPS = (*HOLDERS, "UNDECIDED", "PROOF_DUE", "CHALLENGER", "SUPERSEDED", "", "RENTED")
WORLD = [
    Standing(state, dkim_good, ownership, policy, shared_ready)
    for state, dkim_good, ownership, policy, shared_ready in product(
        STATES, (True, False), OWNERSHIPS, ("SHARED", "REFUSE", "OTHER"), (True, False)
    )
]


def test_the_whole_product_fails_closed(figure: Figure) -> None:
    answers = Counter(origin(standing) for standing in WORLD)

    figure(
        "From, over everything known of a domain: " + ", ".join(f"{n} {what}" for what, n in answers.items())
    )
    for standing in WORLD:
        answer = origin(standing)
        if answer is Origin.OWN:
            assert standing.state == "READY" or (standing.state, standing.dkim_good) == ("DEGRADED", True)
        if answer in (Origin.OWN, Origin.SHARED):
            assert standing.ownership in HOLDERS
        if answer is Origin.SHARED:
            assert standing.state in {"PENDING", "PROVISIONING", "FAILED"}
            assert standing.unready_policy == "SHARED"
            assert standing.shared_ready
    # 12 = every fact but state and ownership; of the nine words for ownership three hold, and one has lost.
    assert answers == {
        Origin.NOT_YOURS: 2 * 9 * 12,
        Origin.GOING: 9 * 12,
        Origin.SUPERSEDED: 7 * 12,
        Origin.OWN: 3 * 12 + 3 * 6,  # READY; DEGRADED with DKIM alone
        Origin.SHARED: 3 * 3 * 2,  # the three unready states, with the policy and a shared sender
        Origin.NOT_READY: 7 * 5 * 12 + (3 * 6 + 2 * 3 * 12 + 3 * 3 * 10),
    }


@pytest.mark.parametrize(
    ("standing", "answer"),
    [
        (Standing(), Origin.NOT_YOURS),
        (Standing("READY", ownership="SOLE"), Origin.OWN),
        (Standing("DEGRADED", dkim_good=True, ownership="PROVEN"), Origin.OWN),
        (Standing("DEGRADED", dkim_good=False, ownership="SOLE"), Origin.NOT_READY),
        (Standing("DEGRADED", False, "SOLE", "SHARED", True), Origin.NOT_READY),
        (Standing("PENDING", False, "SOLE", "SHARED", True), Origin.SHARED),
        (Standing("PENDING", True, "SOLE", "SHARED", True), Origin.SHARED),
        (Standing("PENDING", False, "PROOF_DUE", "SHARED", True), Origin.NOT_READY),
        (Standing("PENDING", False, "SOLE", "SHARED", False), Origin.NOT_READY),
        (Standing("PENDING", False, "SOLE", "REFUSE", True), Origin.NOT_READY),
        (Standing("PROVISIONING", False, "SOLE", "SHARED", True), Origin.SHARED),
        (Standing("FAILED", False, "SOLE", "SHARED", True), Origin.SHARED),
        (Standing("LOST", True, "SOLE", "SHARED", True), Origin.NOT_READY),
        (Standing("DELETING", True, "SOLE", "SHARED", True), Origin.GOING),
        (Standing("DELETED", True, "SOLE", "SHARED", True), Origin.NOT_YOURS),
        (Standing("ASLEEP", True, "SOLE", "SHARED", True), Origin.NOT_READY),
    ],
)
def test_each_rule_by_name(standing: Standing, answer: Origin) -> None:
    assert origin(standing) is answer


SHARED = SharedSender("send.e2a.dev", "e2a", ProtectedNames(reserved={"chief"}, brands={"PayPal", "e2a"}))
TENANT_ID = UUID("01234567-89ab-7cde-8f01-23456789abcd")
UNREADY = Domain(UUID(int=1), TENANT_ID, "inbox.mnexa.ai", None, Standing("PENDING"), "Mnexa")


def test_the_shared_sender_names_the_tenant_and_not_the_domain() -> None:
    sender = shared_sender(SHARED, Address("agent@inbox.mnexa.ai", "The Bank"), UNREADY, ())

    assert str(sender.address) == '"Mnexa via e2a" <agent@send.e2a.dev>'
    assert sender.sent_as is SentAs.SHARED
    assert sender.reply_to == (Address("agent@inbox.mnexa.ai", "The Bank"),)


def test_replies_go_where_they_were_to_go() -> None:
    asked = (Address("help@inbox.mnexa.ai"),)

    assert shared_sender(SHARED, Address("agent@inbox.mnexa.ai"), UNREADY, asked).reply_to == asked
    assert own_sender(Address("agent@inbox.mnexa.ai"), asked).reply_to == asked


@pytest.mark.parametrize(
    "local_part",
    [*sorted(RESERVED), "chief", "Postmaster", "ABUSE", "postmaster+x", "team-request", "CHIEF+1"],
)
def test_nobody_speaks_for_the_operator(local_part: str) -> None:
    sender = shared_sender(SHARED, Address(f"{local_part}@inbox.mnexa.ai"), UNREADY, ())

    assert str(sender.address) == f'"Mnexa via e2a" <{STAND_IN}@send.e2a.dev>'


@pytest.mark.parametrize("name", ["", "PayPal Inc.", "Support", "mnexa.ai", "e2a", "x@y"])
def test_a_tenant_that_is_called_like_somebody_else_is_known_by_its_id(name: str) -> None:
    sender = shared_sender(SHARED, Address("agent@inbox.mnexa.ai"), replace(UNREADY, tenant_name=name), ())

    assert sender.address.name == "tenant 6789abcd via e2a"


def test_a_domains_own_local_parts_are_all_its_own() -> None:
    assert own_sender(Address("postmaster@inbox.mnexa.ai"), ()).address.address == "postmaster@inbox.mnexa.ai"
