"""The domains and addresses of the demo."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DemoDomains:
    """The domains: the customer's, in the zone of its parent, and the recipients'."""

    domain: str = "inbox.mnexa.ai"
    recipients: str = "mail.reader-of-letters.com"

    @property
    def zone(self) -> str:
        """Return the zone at the customer's DNS provider."""
        return self.domain.split(".", 1)[1]

    @property
    def agent(self) -> str:
        """Return the address that sends."""
        return f"agent@{self.domain}"

    @property
    def support(self) -> str:
        """Return the address for replies."""
        return f"support@{self.zone}"

    @property
    def recipient(self) -> str:
        """Return the address of the recipient."""
        return f"ada@{self.recipients}"

    @property
    def bouncing(self) -> str:
        """Return an address that bounces: the sandbox's mail server rejects the local part `bounce`."""
        return f"bounce@{self.recipients}"
