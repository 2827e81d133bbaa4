"""Conversion of DMARC policies between messages and the model."""

from collections.abc import Iterable

from chassis.errors import InvalidField
from chassis.field_reasons import BadValue
from letterhead.identity.v1 import domains_pb2 as pb
from services.identity.model.dmarc import DmarcPolicy, Policy, parse_report_address

_POLICIES = {pb.DmarcPolicy.Policy.Value(f"POLICY_{policy}"): policy for policy in Policy}
_NUMBERS = {policy: number for number, policy in _POLICIES.items()}


def policy_of(field: str, wanted: pb.DmarcPolicy) -> DmarcPolicy:
    """Return the policy of a message; raise InvalidField with a path under `field`."""
    policy = DmarcPolicy(
        policy=_policy(f"{field}.policy", wanted.policy),
        subdomain_policy=(
            _policy(f"{field}.subdomain_policy", wanted.subdomain_policy) if wanted.subdomain_policy else None
        ),
        testing=wanted.testing,
        report_addresses=_addresses(f"{field}.report_addresses", wanted.report_addresses),
    )
    if policy.is_too_long:
        raise InvalidField(f"{field}.report_addresses", "TOO_MANY_BYTES", limit=policy.most_report_bytes)
    return policy


def to_proto(policy: DmarcPolicy) -> pb.DmarcPolicy:
    """Return the message of a policy."""
    under = policy.subdomain_policy
    return pb.DmarcPolicy(
        policy=_NUMBERS[policy.policy],
        subdomain_policy=_NUMBERS[under] if under else pb.DmarcPolicy.POLICY_UNSPECIFIED,
        testing=policy.testing,
        report_addresses=policy.report_addresses,
    )


def _policy(field: str, value: pb.DmarcPolicy.Policy.ValueType) -> Policy:
    if value not in _POLICIES:
        raise InvalidField(field, "UNKNOWN_VALUE", allowed=", ".join(Policy))
    return _POLICIES[value]


def _addresses(field: str, typed: Iterable[str]) -> tuple[str, ...]:
    addresses: list[str] = []
    for index, each in enumerate(typed):
        try:
            address = parse_report_address(each)
        except BadValue as bad:
            raise InvalidField.of(f"{field}[{index}]", bad) from None
        if address in addresses:
            raise InvalidField(f"{field}[{index}]", "DUPLICATE")
        addresses.append(address)
    return tuple(addresses)
