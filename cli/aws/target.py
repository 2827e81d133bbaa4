"""One region of an installation in AWS: the names and ARNs of its resources. Pure."""

from dataclasses import dataclass, field

# The key of the tag on everything that an installation owns; its value is the installation's name.
TAG = "letterhead"


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Who may assume the roles: service accounts of an EKS cluster, by IRSA, EKS Pod Identity or both."""

    namespace: str = "letterhead"
    # The cluster's OIDC issuer, e.g. oidc.eks.us-east-1.amazonaws.com/id/EXAMPLE; empty: no IRSA.
    oidc_issuer: str = ""
    # The ARN of the cluster whose pods may assume the roles; empty: no Pod Identity.
    pod_identity: str = ""

    @property
    def has_roles(self) -> bool:
        """Return whether anyone could assume a role."""
        return bool(self.oidc_issuer or self.pod_identity)


@dataclass(frozen=True, kw_only=True)
class Target:
    """One account and region, and what is wanted there.

    With `https_url`, the topic posts to that URL, and the queue gets what cannot be posted within a minute.
    With `event_rule`, SES publishes to EventBridge too, and a rule sends to the queue.
    """

    partition: str
    account: str
    region: str
    configuration_set: str = "letterhead"
    # The value of the tag, and the start of the roles' names.
    installation: str = "letterhead"
    https_url: str = ""
    event_rule: bool = False
    cluster: Cluster = field(default_factory=Cluster)

    @property
    def tags(self) -> dict[str, str]:
        """Return the tags of everything that the installation owns."""
        return {TAG: self.installation}

    @property
    def feedback(self) -> str:
        """Return the name of the topic, the queue and the rule."""
        return f"{self.configuration_set}-feedback"

    @property
    def dead_letters(self) -> str:
        """Return the name of the dead-letter queue."""
        return f"{self.feedback}-dead"

    @property
    def configuration_set_arn(self) -> str:
        """Return the ARN of the configuration set."""
        return self._arn("ses", f"configuration-set/{self.configuration_set}")

    @property
    def identities_arn(self) -> str:
        """Return the pattern of the ARNs of all SES identities of the region."""
        return self._arn("ses", "identity/*")

    @property
    def topic_arn(self) -> str:
        """Return the ARN of the topic."""
        return self._arn("sns", self.feedback)

    @property
    def queue_arn(self) -> str:
        """Return the ARN of the queue."""
        return self._arn("sqs", self.feedback)

    @property
    def dead_letters_arn(self) -> str:
        """Return the ARN of the dead-letter queue."""
        return self._arn("sqs", self.dead_letters)

    @property
    def rule_arn(self) -> str:
        """Return the ARN of the EventBridge rule."""
        return self._arn("events", f"rule/{self.feedback}")

    @property
    def bus_arn(self) -> str:
        """Return the ARN of the default event bus, the only one that SES publishes to."""
        return self._arn("events", "event-bus/default")

    @property
    def oidc_provider_arn(self) -> str:
        """Return the ARN of the account's identity provider for the cluster's OIDC issuer."""
        return f"arn:{self.partition}:iam::{self.account}:oidc-provider/{self.cluster.oidc_issuer}"

    def role(self, process: str) -> str:
        """Return the name of the role of a process, which has no region: it has a policy per region."""
        return f"{self.installation}-{process}"

    def role_arn(self, process: str) -> str:
        """Return the ARN of the role of a process."""
        return f"arn:{self.partition}:iam::{self.account}:role/{self.role(process)}"

    @property
    def role_policy(self) -> str:
        """Return the name of the inline policy that a role has for this region."""
        return f"{self.installation}-{self.region}"

    def _arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"
