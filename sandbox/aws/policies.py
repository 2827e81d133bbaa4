"""Resource policies, as far as they say whether one AWS service may hand something to another's resource.

A queue that forgets to let its topic in loses every event in production; so it does here.
"""

import json
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

_COMPARISONS = frozenset({"ArnEquals", "ArnLike", "StringEquals", "StringLike"})


def allows(policy: str | None, *, service: str, action: str, resource: str, context: dict[str, str]) -> bool:
    """Whether the policy lets the AWS service do it; `context` holds aws:SourceArn and aws:SourceAccount."""
    facts = {name.lower(): value for name, value in context.items()}
    statements = _listed(json.loads(policy).get("Statement", [])) if policy else []
    speaking = [
        statement["Effect"]
        for statement in statements
        if _names(statement.get("Principal"), service)
        and _matches(statement.get("Action"), action, fold=True)
        and _matches(statement.get("Resource", "*"), resource)
        and _hold(statement.get("Condition", {}), facts)
    ]
    return "Allow" in speaking and "Deny" not in speaking


def _names(principal: Any, service: str) -> bool:
    if isinstance(principal, dict):
        return service in _listed(principal.get("Service", [])) or "*" in _listed(principal.get("AWS", []))
    return bool(principal == "*")


def _matches(patterns: Any, value: str, *, fold: bool = False) -> bool:
    fitting = (str(pattern).lower() if fold else str(pattern) for pattern in _listed(patterns))
    return any(fnmatchcase(value.lower() if fold else value, pattern) for pattern in fitting)


def _hold(conditions: dict[str, dict[str, Any]], facts: dict[str, str]) -> bool:
    """Whether every condition holds; one with an operator that is not known here never does."""
    return all(
        operator in _COMPARISONS and _matches(patterns, facts.get(name.lower(), ""))
        for operator, wanted in conditions.items()
        for name, patterns in wanted.items()
    )


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, Iterable) and not isinstance(value, str | dict) else [value]
