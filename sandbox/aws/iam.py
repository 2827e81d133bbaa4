"""IAM, limited to roles and their inline policies, whose documents are checked. No role can be assumed."""

import json
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from sandbox.aws.config import AwsConfig
from sandbox.aws.errors import AwsError
from sandbox.aws.service import Call, Params
from sandbox.clock import Clock

TRUST_LIMIT = 2048  # characters of a trust policy, without white space
POLICIES_LIMIT = 10_240  # characters of all inline policies of a role together, without white space
TAG_LIMIT = 50  # tags per role
_EFFECTS = ("Allow", "Deny")


@dataclass(slots=True)
class Role:
    """A role: who may assume it, and what it may do."""

    name: str
    arn: str
    id: str
    created_at: datetime
    trust: str
    tags: dict[str, str]
    policies: dict[str, str] = field(default_factory=dict)

    def to_aws(self) -> Params:
        """Return the role as IAM shows it; documents are URL-encoded."""
        tags = [{"Key": key, "Value": value} for key, value in self.tags.items()]
        return {
            "Path": "/",
            "RoleName": self.name,
            "RoleId": self.id,
            "Arn": self.arn,
            "CreateDate": self.created_at,
            "AssumeRolePolicyDocument": quote(self.trust, safe=""),
            **({"Tags": tags} if tags else {}),
        }


class Iam:
    """The roles of the account, and the handlers of their operations."""

    def __init__(self, config: AwsConfig, clock: Clock) -> None:
        self._prefix = f"arn:aws:iam::{config.account}:role/"
        self._clock = clock
        self._roles: dict[str, Role] = {}

    async def create_role(self, call: Call) -> Params:
        name, trust = call["RoleName"], call["AssumeRolePolicyDocument"]
        if any(name.lower() == known.lower() for known in self._roles):
            raise AwsError("EntityAlreadyExists", f"Role with name {name} already exists.")
        _check_trust(trust)
        role_id = f"AROA{secrets.token_hex(9)[:17].upper()}"
        role = Role(name, self._prefix + name, role_id, self._clock.now(), trust, _tags(call))
        self._roles[name] = role
        return {"Role": role.to_aws()}

    async def get_role(self, call: Call) -> Params:
        return {"Role": self._role(call).to_aws()}

    async def delete_role(self, call: Call) -> Params:
        if self._role(call).policies:
            raise AwsError("DeleteConflict", "Cannot delete entity, must delete policies first.")
        del self._roles[call["RoleName"]]
        return {}

    async def update_assume_role_policy(self, call: Call) -> Params:
        role = self._role(call)
        _check_trust(call["PolicyDocument"])
        role.trust = call["PolicyDocument"]
        return {}

    async def tag_role(self, call: Call) -> Params:
        role = self._role(call)
        tags = role.tags | _tags(call)
        if len(tags) > TAG_LIMIT:
            raise AwsError("LimitExceeded", f"A role may have {TAG_LIMIT} tags.")
        role.tags = tags
        return {}

    async def put_role_policy(self, call: Call) -> Params:
        role, document = self._role(call), call["PolicyDocument"]
        _check(document, with_principal=False)
        policies = role.policies | {call["PolicyName"]: document}
        if sum(map(_size, policies.values())) > POLICIES_LIMIT:
            raise AwsError("LimitExceeded", f"Maximum policy size of {POLICIES_LIMIT} bytes exceeded.")
        role.policies = policies
        return {}

    async def get_role_policy(self, call: Call) -> Params:
        document = self._policy(call)
        named = {"RoleName": call["RoleName"], "PolicyName": call["PolicyName"]}
        return named | {"PolicyDocument": quote(document, safe="")}

    async def delete_role_policy(self, call: Call) -> Params:
        self._policy(call)
        del self._role(call).policies[call["PolicyName"]]
        return {}

    async def list_role_policies(self, call: Call) -> Params:
        return {"PolicyNames": sorted(self._role(call).policies), "IsTruncated": False}

    def _role(self, call: Call) -> Role:
        role = self._roles.get(call["RoleName"])
        if role is None:
            raise AwsError("NoSuchEntity", f"The role with name {call['RoleName']} cannot be found.")
        return role

    def _policy(self, call: Call) -> str:
        document = self._role(call).policies.get(call["PolicyName"])
        if document is None:
            name = call["PolicyName"]
            raise AwsError("NoSuchEntity", f"The role policy with name {name} cannot be found.")
        return document


def _tags(call: Call) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in call.get("Tags", [])}


def _check_trust(document: str) -> None:
    _check(document, with_principal=True)
    if _size(document) > TRUST_LIMIT:
        raise AwsError("LimitExceeded", f"Cannot exceed quota for ACLSizePerRole: {TRUST_LIMIT}")


def _check(document: str, *, with_principal: bool) -> None:
    """Raise MalformedPolicyDocument for a document that IAM would not store."""
    try:
        content = json.loads(document)
    except ValueError:
        raise _malformed("This policy contains invalid Json") from None
    statements = content.get("Statement") if isinstance(content, dict) else None
    if not statements:
        raise _malformed("Syntax errors in policy.")
    statements = statements if isinstance(statements, list) else [statements]
    for each in statements:
        if not isinstance(each, dict) or each.get("Effect") not in _EFFECTS or not each.get("Action"):
            raise _malformed("Syntax errors in policy.")
        _check_elements(each, with_principal=with_principal)
    sids = [each["Sid"] for each in statements if "Sid" in each]
    if len(set(sids)) < len(sids) or not all(str(sid).isalnum() for sid in sids):
        raise _malformed("Statement IDs (SID) must be alphanumeric and unique.")


def _check_elements(statement: dict[str, Any], *, with_principal: bool) -> None:
    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
    if not all(each == "*" or ":" in each for each in actions):
        raise _malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
    if with_principal and ("Principal" not in statement or "Resource" in statement):
        raise _malformed("A trust policy has a Principal in each statement, and no Resource.")
    if not with_principal and ("Principal" in statement or not statement.get("Resource")):
        raise _malformed("A role's policy has a Resource in each statement, and no Principal.")


def _size(document: str) -> int:
    return sum(1 for character in document if not character.isspace())


def _malformed(message: str) -> AwsError:
    return AwsError("MalformedPolicyDocument", message)
