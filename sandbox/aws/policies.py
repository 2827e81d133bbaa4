"""Evaluation of policies: who may publish to a topic or send to a queue, and what a role may do.

A queue whose policy does not allow its topic loses every event in production, and so it does here. The rules
are IAM's (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html):
an explicit Deny overrides an Allow, and a negated condition holds if the request does not have the key.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

_COMPARISONS = frozenset({"ArnEquals", "ArnLike", "StringEquals", "StringLike", "Bool"})
_NEGATED = {
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "StringNotEquals": "StringEquals",
    "StringNotLike": "StringLike",
}
_KNOWN = _COMPARISONS | set(_NEGATED)


@dataclass(frozen=True, kw_only=True)
class AccessRequest:
    """A request to authorize; `service` or `account` is the caller, `context` holds the condition keys."""

    action: str
    resource: str
    service: str = ""
    account: str = ""
    context: dict[str, str] = field(default_factory=dict)

    @property
    def condition_keys(self) -> dict[str, str]:
        """Return the context with lower-case keys, because condition keys are case-insensitive."""
        return {name.lower(): value for name, value in self.context.items()}


def allows(policy: str | None, asking: AccessRequest) -> bool:
    """Return whether the policy allows the request."""
    speaking = set(_effects(policy, asking))
    return "Allow" in speaking and "Deny" not in speaking


def denies(policy: str | None, asking: AccessRequest) -> bool:
    """Return whether the policy explicitly denies the request, which overrides the account's own rights."""
    return "Deny" in _effects(policy, asking)


def permits(policy: str, asking: AccessRequest) -> bool:
    """Return whether a role's policy, whose statements have no principal, allows the request."""
    statements = _listed(json.loads(policy)["Statement"])
    everyone = json.dumps({"Statement": [each | {"Principal": {"AWS": "*"}} for each in statements]})
    return allows(everyone, asking)


def _effects(policy: str | None, asking: AccessRequest) -> Iterator[str]:
    for statement in _listed(json.loads(policy).get("Statement", [])) if policy else []:
        if (
            _names(statement.get("Principal"), asking)
            and _matches(statement.get("Action"), asking.action, fold=True)
            and _matches(statement.get("Resource", "*"), asking.resource)
            and _hold(
                statement.get("Condition", {}), asking.condition_keys, unknown=statement["Effect"] == "Deny"
            )
        ):
            yield statement["Effect"]


def _names(principal: Any, asking: AccessRequest) -> bool:
    if not isinstance(principal, dict):
        return bool(principal == "*")
    accounts = _listed(principal.get("AWS", []))
    own = {"*"} | ({asking.account, f"arn:aws:iam::{asking.account}:root"} if asking.account else set())
    return asking.service in _listed(principal.get("Service", [])) or bool(own & set(accounts))


def _matches(patterns: Any, value: str, *, fold: bool = False) -> bool:
    fitting = (str(pattern).lower() if fold else str(pattern) for pattern in _listed(patterns))
    return any(fnmatchcase(value.lower() if fold else value, pattern) for pattern in fitting)


def _hold(conditions: dict[str, dict[str, Any]], condition_keys: dict[str, str], *, unknown: bool) -> bool:
    """Return whether all conditions hold; one with an unsupported operator counts as `unknown`."""
    return all(
        _holds(operator, patterns, condition_keys.get(name.lower())) if operator in _KNOWN else unknown
        for operator, wanted in conditions.items()
        for name, patterns in wanted.items()
    )


def _holds(operator: str, patterns: Any, value: str | None) -> bool:
    if operator in _NEGATED:
        return not _holds(_NEGATED[operator], patterns, value)
    return value is not None and _matches(patterns, value)


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, Iterable) and not isinstance(value, str | dict) else [value]
