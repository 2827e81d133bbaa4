"""Plans what is missing or different in one region of AWS, and applies the plan."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import boto3

from chassis.regions import AwsRegion
from cli.aws.account import check_caller, partition_of
from cli.aws.api import Api
from cli.aws.desired import Kind, Resource, resources
from cli.aws.errors import SetupError
from cli.aws.events import Rules, RuleTargets
from cli.aws.iam import RolePolicies, Roles
from cli.aws.plan import Change, ForeignResource, Plan, Present, compare
from cli.aws.ses import ConfigurationSets, Destinations
from cli.aws.sns import Subscriptions, Topics
from cli.aws.sqs import Queues
from cli.aws.target import Target
from cli.exit_status import FAILED


class Keeper(Protocol):
    """Reads and writes the resources of one kind. Writing what is there already changes nothing."""

    def read(self, resource: Resource, /) -> Present | None:
        """Return a resource as it is, or None if it does not exist."""

    def write(self, change: Change, /) -> None:
        """Make a change."""


class Parts(Keeper, Protocol):
    """Reads and writes resources that are part of another one."""

    def names(self, parent: Resource, /) -> Iterator[str]:
        """Yield the names of all parts of a resource."""


class Setup:
    """The setup of one target. Create one for each plan, because it remembers what it read."""

    def __init__(self, api: Api, target: Target) -> None:
        self._target = target
        # A kind of resource, and the kind of its parts.
        self._parts: dict[Kind, tuple[Kind, Parts]] = {
            Kind.TOPIC: (Kind.SUBSCRIPTION, Subscriptions(api)),
            Kind.RULE: (Kind.RULE_TARGET, RuleTargets(api)),
            Kind.CONFIGURATION_SET: (Kind.DESTINATION, Destinations(api)),
            Kind.ROLE: (Kind.ROLE_POLICY, RolePolicies(api)),
        }
        self._keepers: dict[Kind, Keeper] = {
            Kind.QUEUE: Queues(api),
            Kind.TOPIC: Topics(api),
            Kind.RULE: Rules(api),
            Kind.CONFIGURATION_SET: ConfigurationSets(api),
            Kind.ROLE: Roles(api),
            **dict(self._parts.values()),
        }

    def plan(self) -> Plan:
        """Read every resource and return what must change; raise SetupError."""
        wanted = resources(self._target)
        changes = []
        absent: set[str] = set()  # the ARNs of what does not exist; its parts have the same ARN
        for each in wanted:
            found = None if each.parent and each.arn in absent else self._keepers[each.kind].read(each)
            if found is None and not each.parent:
                absent.add(each.arn)
            try:
                changes.append(compare(each, found))
            except ForeignResource as error:
                raise SetupError(str(error), FAILED) from error
        existing = (each for each in wanted if not each.parent and each.arn not in absent)
        return Plan(tuple(changes), tuple(self._foreign(existing, wanted)))

    def apply(self, plan: Plan) -> Iterator[Change]:
        """Make the pending changes and yield each when it is made; raise SetupError.

        After an interruption, plan and apply again: what is made already is then unchanged.
        """
        for change in plan.pending:
            self._keepers[change.resource.kind].write(change)
            yield change

    def _foreign(self, existing: Iterable[Resource], wanted: Sequence[Resource]) -> Iterator[str]:
        """Yield the parts of our resources that we did not make."""
        ours = {(each.kind, each.parent, each.name) for each in wanted}
        for parent in existing:
            if parent.kind in self._parts:
                kind, parts = self._parts[parent.kind]
                for name in parts.names(parent):
                    if (kind, parent.name, name) not in ours:
                        yield f"{kind} {parent.name}: {name}"


def set_up(session: boto3.Session, *, account: str, endpoint_url: str | None, **wanted: Any) -> Target:
    """Create or correct everything that a target needs, given as fields of Target; raise SetupError."""
    region = AwsRegion(account=account, region=session.region_name, endpoint_url=endpoint_url)
    api, partition = Api(session, endpoint_url), partition_of(session)
    check_caller(api, region, partition)
    target = Target(partition=partition, account=account, region=region.region, **wanted)
    setup = Setup(api, target)
    for _ in setup.apply(setup.plan()):
        pass
    return target
