"""Stored parameters become messages; what a newer release stored is left out."""

import pytest

from chassis.protos import parameters_of, value_of
from letterhead.identity.v1.domain_reason_pb2 import DOMAIN_CONDITION_SES_DKIM, DomainReason
from letterhead.identity.v1.domains_pb2 import DnsRecord, DomainParameters
from letterhead.verifier.v1.check_parameters_pb2 import CheckParameters


@pytest.mark.parametrize("stored", [None, {}, {"novelty": "x"}])
def test_no_parameters_are_no_message(stored: dict[str, object] | None) -> None:
    assert parameters_of(DomainParameters, stored) is None


def test_enums_are_stored_by_their_names_without_the_prefix() -> None:
    stored = {"waiting_records": 2, "purposes": ["DKIM", "NOVEL"], "conditions": ["SES_DKIM"], "novelty": 1}

    assert parameters_of(DomainParameters, stored) == DomainParameters(
        waiting_records=2, purposes=[DnsRecord.PURPOSE_DKIM], conditions=[DOMAIN_CONDITION_SES_DKIM]
    )
    assert parameters_of(CheckParameters, {"type": "MX", "servers": ["a", "b"]}) == CheckParameters(
        type=DnsRecord.TYPE_MX, servers=["a", "b"]
    )


@pytest.mark.parametrize(("name", "value"), [("CAN_SEND", 34), ("", 0), ("UNSPECIFIED", 0), ("NOVEL", 0)])
def test_an_enum_has_a_value_for_each_name(name: str, value: int) -> None:
    assert value_of(DomainReason, name) == value
