"""The From function, over every combination of what can be known about a domain."""

from collections import Counter
from dataclasses import replace
from itertools import product
from uuid import UUID

import pytest

from services.sender.model.emails import Address
from services.sender.model.impersonation import RESERVED, ProtectedNames
from services.sender.model.origin import (
    STAND_IN,
    Domain,
    Origin,
    SharedSender,
    VerificationStatus,
    origin,
)
from services.sender.model.states import SentAs
from tests.figures import Figure

# All domain states, an empty one, and one that a later version may add.
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
# All ownership states, an empty one, and one that a later version may add.
OWNERSHIPS = (*HOLDERS, "UNDECIDED", "PROOF_DUE", "CHALLENGER", "SUPERSEDED", "", "RENTED")
CASES = [
    VerificationStatus(state, dkim_valid, ownership, policy, shared_ready)
    for state, dkim_valid, ownership, policy, shared_ready in product(
        STATES, (True, False), OWNERSHIPS, ("SHARED", "REFUSE", "OTHER"), (True, False)
    )
]


def test_every_combination_fails_closed(figure: Figure) -> None:
    answers = Counter(origin(status) for status in CASES)

    figure(
        "From function, over every domain status: "
        + ", ".join(f"{count} {answer}" for answer, count in answers.items())
    )
    for status in CASES:
        answer = origin(status)
        if answer is Origin.OWN:
            assert status.state == "READY" or (status.state, status.dkim_valid) == ("DEGRADED", True)
        if answer in (Origin.OWN, Origin.SHARED):
            assert status.ownership in HOLDERS
        if answer is Origin.SHARED:
            assert status.state in {"PENDING", "PROVISIONING", "FAILED"}
            assert status.unready_policy == "SHARED"
            assert status.shared_ready
    # There are 12 combinations besides state and ownership. Of the nine ownership states, three may send and
    # one is superseded.
    assert answers == {
        Origin.NOT_YOURS: 2 * 9 * 12,
        Origin.GOING: 9 * 12,
        Origin.SUPERSEDED: 7 * 12,
        Origin.OWN: 3 * 12 + 3 * 6,  # READY; DEGRADED with good DKIM
        Origin.SHARED: 3 * 3 * 2,  # the three unready states, with the policy and a ready shared sender
        Origin.NOT_READY: 7 * 5 * 12 + (3 * 6 + 2 * 3 * 12 + 3 * 3 * 10),
    }


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (VerificationStatus(), Origin.NOT_YOURS),
        (VerificationStatus("READY", ownership="SOLE"), Origin.OWN),
        (VerificationStatus("DEGRADED", dkim_valid=True, ownership="PROVEN"), Origin.OWN),
        (VerificationStatus("DEGRADED", dkim_valid=False, ownership="SOLE"), Origin.NOT_READY),
        (VerificationStatus("DEGRADED", False, "SOLE", "SHARED", True), Origin.NOT_READY),
        (VerificationStatus("PENDING", False, "SOLE", "SHARED", True), Origin.SHARED),
        (VerificationStatus("PENDING", True, "SOLE", "SHARED", True), Origin.SHARED),
        (VerificationStatus("PENDING", False, "PROOF_DUE", "SHARED", True), Origin.NOT_READY),
        (VerificationStatus("PENDING", False, "SOLE", "SHARED", False), Origin.NOT_READY),
        (VerificationStatus("PENDING", False, "SOLE", "REFUSE", True), Origin.NOT_READY),
        (VerificationStatus("PROVISIONING", False, "SOLE", "SHARED", True), Origin.SHARED),
        (VerificationStatus("FAILED", False, "SOLE", "SHARED", True), Origin.SHARED),
        (VerificationStatus("LOST", True, "SOLE", "SHARED", True), Origin.NOT_READY),
        (VerificationStatus("DELETING", True, "SOLE", "SHARED", True), Origin.GOING),
        (VerificationStatus("DELETED", True, "SOLE", "SHARED", True), Origin.NOT_YOURS),
        (VerificationStatus("ASLEEP", True, "SOLE", "SHARED", True), Origin.NOT_READY),
    ],
)
def test_each_rule(status: VerificationStatus, answer: Origin) -> None:
    assert origin(status) is answer


SHARED = SharedSender("send.e2a.dev", "e2a", ProtectedNames(reserved={"chief"}, brands={"PayPal", "e2a"}))
TENANT_ID = UUID("01234567-89ab-7cde-8f01-23456789abcd")
UNREADY = Domain(UUID(int=1), TENANT_ID, "inbox.mnexa.ai", None, VerificationStatus("PENDING"), "Mnexa")


def test_the_shared_sender_names_the_tenant_and_not_the_domain() -> None:
    sender = SHARED.sender_for(Address("agent@inbox.mnexa.ai", "The Bank"), UNREADY, ())

    assert str(sender.address) == '"Mnexa via e2a" <agent@send.e2a.dev>'
    assert sender.sent_as is SentAs.SHARED
    assert sender.reply_to == (Address("agent@inbox.mnexa.ai", "The Bank"),)


def test_replies_go_to_the_requested_reply_to() -> None:
    requested = (Address("help@inbox.mnexa.ai"),)

    assert SHARED.sender_for(Address("agent@inbox.mnexa.ai"), UNREADY, requested).reply_to == requested


@pytest.mark.parametrize(
    "local_part",
    [*sorted(RESERVED), "chief", "Postmaster", "ABUSE", "postmaster+x", "team-request", "CHIEF+1"],
)
def test_a_reserved_local_part_is_replaced(local_part: str) -> None:
    sender = SHARED.sender_for(Address(f"{local_part}@inbox.mnexa.ai"), UNREADY, ())

    assert str(sender.address) == f'"Mnexa via e2a" <{STAND_IN}@send.e2a.dev>'


@pytest.mark.parametrize("name", ["", "PayPal Inc.", "Support", "mnexa.ai", "e2a", "x@y"])
def test_a_tenant_with_a_protected_name_is_shown_by_its_id(name: str) -> None:
    sender = SHARED.sender_for(Address("agent@inbox.mnexa.ai"), replace(UNREADY, tenant_name=name), ())

    assert sender.address.name == "tenant 6789abcd via e2a"
