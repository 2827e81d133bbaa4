"""Every reason of records, domains and SES accounts has a sentence, and the contract has the same names."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, get_type_hints

import pytest

from chassis.sentences import Sentences, mentioned
from letterhead.identity.v1.domain_reason_pb2 import DomainCondition
from letterhead.identity.v1.domain_reason_pb2 import DomainReason as PublicDomainReason
from letterhead.identity.v1.domains_pb2 import DomainParameters
from letterhead.verifier.v1.account_reason_pb2 import AccountReason as PublicAccountReason
from letterhead.verifier.v1.check_parameters_pb2 import CheckParameters
from letterhead.verifier.v1.check_reason_pb2 import CheckReason as PublicCheckReason
from letterhead.verifier.v1.verifier_pb2 import AccountParameters
from services.console import check_messages, domain_messages
from services.identity.model import messages as identity_messages
from services.identity.model import reasons as of_identity
from services.verifier.model import reasons as of_verifier
from services.verifier.model.messages import accounts, checks, domains
from services.verifier.model.states import ALL_CONDITIONS
from tests.contract.sources import ROOT, files

PROVIDER = re.compile(r"\bSES\b|AWS|Amazon|GetDomain|VerifyDomain")


@dataclass(frozen=True)
class Kind:
    """The reasons of one kind: the contract's enum and parameters, and those of the services."""

    public: Any
    prefix: str
    enums: tuple[type[StrEnum], ...]
    message: Any
    parameters: tuple[Any, ...]
    catalogues: tuple[Sentences[Any], ...]

    @property
    def fields(self) -> frozenset[str]:
        return frozenset(field.name for field in self.message.DESCRIPTOR.fields)


KINDS = {
    "checks": Kind(
        PublicCheckReason, "CHECK_REASON_", (of_verifier.CheckReason,), CheckParameters,
        (of_verifier.CheckParameters,), (checks.SENTENCES, check_messages.SENTENCES),
    ),
    "domains": Kind(
        PublicDomainReason, "DOMAIN_REASON_", (of_verifier.DomainReason, of_identity.DomainReason),
        DomainParameters, (of_verifier.DomainParameters, of_identity.DomainParameters),
        (domains.SENTENCES, identity_messages.SENTENCES, domain_messages.SENTENCES),
    ),
    "accounts": Kind(
        PublicAccountReason, "ACCOUNT_REASON_", (of_verifier.AccountReason,), AccountParameters,
        (of_verifier.AccountParameters,), (accounts.SENTENCES,),
    ),
}  # fmt: skip
of_every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def unknown(catalogue: Sentences[Any], fields: frozenset[str]) -> set[str]:
    """Return the placeholders of a catalogue that are not parameters."""
    return {name for _, sentence in catalogue for name in re.findall(r"\{(\w*)", sentence)} - fields


@of_every_kind
def test_the_contract_and_the_models_have_the_same_reasons(kind: Kind) -> None:
    names = {reason.name for enum in kind.enums for reason in enum}

    assert {f"{kind.prefix}{name}" for name in names} == set(kind.public.keys())
    assert all(reason == reason.name for enum in kind.enums for reason in enum if reason)  # as it is stored


@of_every_kind
def test_the_contract_and_the_models_have_the_same_parameters(kind: Kind) -> None:
    assert frozenset().union(*map(get_type_hints, kind.parameters)) == kind.fields


def test_the_contract_and_the_model_have_the_same_conditions() -> None:
    named = {f"DOMAIN_CONDITION_{name.upper()}" for name in ALL_CONDITIONS}

    assert named == set(DomainCondition.keys()[1:])
    assert domains.CONDITIONS.keys() == {name.upper() for name in ALL_CONDITIONS}
    assert domain_messages.CONDITIONS.keys() == set(DomainCondition.values()[1:])


@pytest.mark.parametrize(
    ("messages", "detailed", "reasons"),
    [
        (checks.MESSAGES, checks.DETAILED, of_verifier.CheckReason),
        (domains.MESSAGES, domains.DETAILED, of_verifier.DomainReason),
        (accounts.MESSAGES, accounts.DETAILED, of_verifier.AccountReason),
        (identity_messages.MESSAGES, identity_messages.DETAILED, of_identity.DomainReason),
        (check_messages.MESSAGES, check_messages.DETAILED, PublicCheckReason.values()[1:]),
        (domain_messages.MESSAGES, domain_messages.DETAILED, PublicDomainReason.values()[1:]),
    ],
    ids=["checks", "domains", "accounts", "identity", "checks on pages", "domains on pages"],
)
def test_every_reason_has_a_sentence(
    messages: Mapping[Any, str], detailed: Mapping[Any, Any], reasons: Iterable[Any]
) -> None:
    assert set(messages) == set(reasons)
    assert set(detailed) <= set(messages)
    assert all(not text or text.endswith((".", "?", "}")) for text in messages.values())


@of_every_kind
def test_a_sentence_mentions_only_parameters(kind: Kind) -> None:
    assert set().union(*(unknown(catalogue, kind.fields) for catalogue in kind.catalogues)) == set()


def test_a_placeholder_that_is_not_a_parameter_is_found() -> None:
    assert unknown(Sentences({1: "At {seen}, not at {elsewhere}."}, {}), frozenset({"seen"})) == {"elsewhere"}


@of_every_kind
def test_every_parameter_is_mentioned_somewhere(kind: Kind) -> None:
    named = {name for catalogue in kind.catalogues for _, text in catalogue for name in mentioned(text)}

    assert kind.fields - named <= {"can_send"}  # which chooses a sentence


def test_the_pages_name_neither_the_provider_nor_an_rpc() -> None:
    shown = [*check_messages.SENTENCES, *domain_messages.SENTENCES]

    assert [sentence for _, sentence in shown if PROVIDER.search(sentence)] == []


@pytest.mark.parametrize("kind", ["CheckReason", "DomainReason", "AccountReason"])
def test_every_reason_is_given_somewhere(kind: str) -> None:
    sources = "".join(
        (ROOT / path).read_text(encoding="utf-8")
        for path in files("services/verifier", "services/identity")
        if "messages" not in (path.stem, path.parent.name) and path.stem != "reasons"
    )
    enums: list[Any] = [getattr(each, kind) for each in (of_verifier, of_identity) if hasattr(each, kind)]
    given = set(re.findall(rf"\b{kind}\.([A-Z_]+)", sources))

    assert {reason.name for enum in enums for reason in enum} - given <= {"UNSPECIFIED"}
