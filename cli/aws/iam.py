"""Reads and writes roles and their inline policies."""

import json
from collections.abc import Iterator

from cli.aws.api import Api
from cli.aws.desired import Resource
from cli.aws.plan import Action, Change, Present


class Roles:
    """The roles of an account."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def read(self, role: Resource) -> Present | None:
        """Return a role as it is, or None."""
        answer = self._api.find("iam", "get_role", role.arn, RoleName=role.name)
        if answer is None:
            return None
        found = answer["Role"]
        return Present(
            properties={"AssumeRolePolicyDocument": found["AssumeRolePolicyDocument"]},
            tags={each["Key"]: each["Value"] for each in found.get("Tags", [])},
        )

    def write(self, change: Change) -> None:
        """Create a role, or set what differs."""
        role = change.resource
        document = json.dumps(role.properties["AssumeRolePolicyDocument"])
        tags = [{"Key": key, "Value": value} for key, value in role.tags.items()]
        if change.action is Action.CREATE:
            named = {"RoleName": role.name, "AssumeRolePolicyDocument": document, "Tags": tags}
            self._api.call("iam", "create_role", role.arn, **named)
            return
        if change.properties:
            named = {"RoleName": role.name, "PolicyDocument": document}
            self._api.call("iam", "update_assume_role_policy", role.arn, **named)
        if change.writes_tags:
            self._api.call("iam", "tag_role", role.arn, RoleName=role.name, Tags=tags)


class RolePolicies:
    """The inline policies of roles, by name."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def read(self, policy: Resource) -> Present | None:
        """Return a policy as it is, or None."""
        named = {"RoleName": policy.parent, "PolicyName": policy.name}
        answer = self._api.find("iam", "get_role_policy", policy.arn, **named)
        return None if answer is None else Present(properties={"PolicyDocument": answer["PolicyDocument"]})

    def write(self, change: Change) -> None:
        """Create or replace a policy."""
        policy = change.resource
        document = json.dumps(policy.properties["PolicyDocument"])
        named = {"RoleName": policy.parent, "PolicyName": policy.name, "PolicyDocument": document}
        self._api.call("iam", "put_role_policy", policy.arn, **named)

    def names(self, role: Resource) -> Iterator[str]:
        """Yield the names of a role's policies."""
        yield from self._api.pages("iam", "list_role_policies", "PolicyNames", role.arn, RoleName=role.name)
