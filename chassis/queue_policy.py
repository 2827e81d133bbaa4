"""Says whether a queue's policy lets only given senders send to it. Pure.

Webhooks accepts unsigned events only from such a queue, and `letterhead doctor` reports why one is not. IAM
policies of the account can allow more than the queue's policy, and only an explicit denial overrides them:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import json
from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase
from typing import Any

SEND = "sqs:sendmessage"
EVENT_BRIDGE = "events.amazonaws.com"
_SOURCE = "aws:sourcearn"
_IS_NOT = frozenset({"ArnNotEquals", "ArnNotLike", "StringNotEquals", "StringNotLike"})


def fault_of(policy: str, queue_arn: str, *, rule_arn: str, others: Collection[str]) -> str:
    """Return why a policy does not let the rule, and nothing but it and the `others`, send; empty if it does.

    `policy` is the queue's attribute `Policy`, empty without one; `others` are ARNs too.
    """
    statements = list(_statements(policy, queue_arn))
    if not any(_lets_in(each, rule_arn) for each in statements):
        return f"no statement allows {EVENT_BRIDGE} to send for {rule_arn}"
    if not any(_keeps_out_all_but(each, rule_arn, {rule_arn, *others}) for each in statements):
        return f"no statement denies sending to everyone whose aws:SourceArn is not {rule_arn}"
    return ""


def _statements(policy: str, queue_arn: str) -> Iterator[dict[str, Any]]:
    """Yield the statements about sending to the queue."""
    try:
        content = json.loads(policy or "{}")
    except (ValueError, RecursionError):
        return
    for each in _listed(content.get("Statement", [])) if isinstance(content, dict) else []:
        if isinstance(each, dict) and _covers(each, "Action", SEND) and _covers(each, "Resource", queue_arn):
            yield each


def _lets_in(statement: dict[str, Any], rule_arn: str) -> bool:
    principal = statement.get("Principal")
    services = _listed(principal.get("Service", [])) if isinstance(principal, dict) else []
    sources = [values for _, key, values in _conditions(statement) if key == _SOURCE]
    named = all(any(fnmatchcase(rule_arn, str(value)) for value in values) for values in sources)
    return statement.get("Effect") == "Allow" and EVENT_BRIDGE in services and named


def _keeps_out_all_but(statement: dict[str, Any], rule_arn: str, allowed: Collection[str]) -> bool:
    """Return whether a statement denies all who are not allowed: it has no other condition that must hold.

    Its principal must be `*`, which includes AWS's services.
    """
    conditions = _conditions(statement)
    if statement.get("Effect") != "Deny" or statement.get("Principal") != "*":
        return False
    if len(conditions) != 1 or conditions[0][0] not in _IS_NOT or conditions[0][1] != _SOURCE:
        return False
    named = conditions[0][2]
    return rule_arn in named and all(each in allowed for each in named)


def _conditions(statement: dict[str, Any]) -> list[tuple[str, str, list[Any]]]:
    """Return each condition's operator, key in lower case, and values."""
    conditions = statement.get("Condition", {})
    return [
        (operator, str(key).lower(), _listed(values))
        for operator, keys in (conditions.items() if isinstance(conditions, dict) else ())
        for key, values in (keys.items() if isinstance(keys, dict) else ())
    ]


def _covers(statement: dict[str, Any], element: str, wanted: str) -> bool:
    patterns = [str(each) for each in _listed(statement.get(element, []))]
    if element == "Action":
        patterns = [each.lower() for each in patterns]
    return any(fnmatchcase(wanted, each) for each in patterns)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
