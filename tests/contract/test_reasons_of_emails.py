"""Every reason of an email has a sentence in sender and on the pages, and the contract has the same names."""

import re
from typing import get_type_hints

import pytest

from chassis.sentences import Sentences
from letterhead.events.v1 import domain_events_pb2
from letterhead.events.v1.email_parameters_pb2 import EmailParameters
from letterhead.events.v1.email_reason_pb2 import EmailReason as PublicReason
from services.console import email_messages
from services.sender.model import messages
from services.sender.model.reasons import EmailReason, Parameters
from services.sender.model.reputation import ReputationReason
from tests.contract.sources import ROOT, files

CATALOGUES = {"sender": messages.SENTENCES, "console": email_messages.SENTENCES}
FIELDS = frozenset(field.name for field in EmailParameters.DESCRIPTOR.fields)
PROVIDER = re.compile(r"\bSES\b|AWS|Amazon|GetDomain")


def unknown(catalogue: Sentences[int] | Sentences[EmailReason]) -> set[str]:
    """Return the placeholders of a catalogue that are not parameters."""
    return {
        name for _, sentence in catalogue for name in re.findall(r"\{(\w*)", sentence) if name not in FIELDS
    }


def test_the_contract_and_the_model_have_the_same_reasons() -> None:
    assert {f"EMAIL_REASON_{reason.name}" for reason in EmailReason} == set(PublicReason.keys())
    assert all(reason == reason.name for reason in EmailReason if reason)  # as it is stored
    public = {f"REPUTATION_REASON_{reason}" for reason in ReputationReason}
    assert public == set(domain_events_pb2.ReputationReason.keys()[1:])


def test_the_contract_and_the_model_have_the_same_parameters() -> None:
    assert frozenset(get_type_hints(Parameters)) == FIELDS


def test_every_reason_has_a_sentence() -> None:
    assert set(messages.MESSAGES) == set(EmailReason)
    assert set(email_messages.MESSAGES) == set(PublicReason.values()[1:])
    assert set(messages.DETAILED) <= set(messages.MESSAGES)
    assert set(email_messages.DETAILED) <= set(email_messages.MESSAGES)
    for text in (*messages.MESSAGES.values(), *email_messages.MESSAGES.values()):
        assert not text or text.endswith((".", "}"))


@pytest.mark.parametrize("catalogue", CATALOGUES.values(), ids=CATALOGUES)
def test_a_sentence_mentions_only_parameters(catalogue: Sentences[int] | Sentences[EmailReason]) -> None:
    assert not unknown(catalogue)


def test_a_placeholder_that_is_not_a_parameter_is_found() -> None:
    assert unknown(Sentences({1: "Delivered to {mailbox}."}, {1: ["{response} {}"]})) == {"mailbox", ""}


def test_the_pages_name_neither_the_provider_nor_an_rpc() -> None:
    assert not [sentence for _, sentence in email_messages.SENTENCES if PROVIDER.search(sentence)]


def test_every_reason_is_given_somewhere() -> None:
    sources = "".join(
        (ROOT / path).read_text(encoding="utf-8")
        for path in files("services/sender")
        if path.name not in ("messages.py", "reasons.py")
    )
    given = set(re.findall(r"\bEmailReason\.([A-Z_]+)", sources))

    assert {reason.name for reason in EmailReason} - given == set()
