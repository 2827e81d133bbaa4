"""Read-only requests to the SES control API, which takes one request per second and account.

The worker decides when to make a request.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from chassis.aws import AwsClient, AwsRefused, Timeouts
from services.verifier.model.account import AccountStatus, Listed
from services.verifier.model.evidence import SesIdentity

TIMEOUTS = Timeouts(connect=timedelta(seconds=3), read=timedelta(seconds=10))
PAGE_SIZE = 1000  # identities per page, the maximum of ListEmailIdentities


class SesReader:
    """The three SES requests of the verifier; each raises AwsError without a usable response."""

    def __init__(self, client: AwsClient) -> None:
        self._client = client

    async def identity(self, name: str) -> SesIdentity:
        """Return the identity of a domain, with `exists` False when SES has none."""
        try:
            answer = await self._client.call(
                "get_email_identity", expects="VerifiedForSendingStatus", EmailIdentity=name
            )
        except AwsRefused as error:
            if error.code == "NotFoundException":
                return SesIdentity(exists=False)
            raise
        return _identity(answer)

    @property
    def region(self) -> str:
        """Return the region that the answers are about."""
        return self._client.region

    async def list(self, token: str | None) -> tuple[list[Listed], str | None]:
        """Return a page of domain identities and the token of the next page, None after the last."""
        page: dict[str, Any] = {"PageSize": PAGE_SIZE} | ({"NextToken": token} if token else {})
        answer = await self._client.call("list_email_identities", expects="EmailIdentities", **page)
        domains = [
            Listed(each["IdentityName"], each.get("VerificationStatus"), each.get("SendingEnabled"))
            for each in answer["EmailIdentities"]
            if each.get("IdentityType") == "DOMAIN"
        ]
        return domains, answer.get("NextToken")

    async def account(self) -> AccountStatus:
        """Return the account's sending status and quota."""
        answer = await self._client.call("get_account", expects="SendQuota")
        quota = answer["SendQuota"]
        return AccountStatus(
            production_access=bool(answer.get("ProductionAccessEnabled")),
            sending_enabled=bool(answer.get("SendingEnabled")),
            enforcement_status=answer.get("EnforcementStatus", ""),
            max_send_rate=float(quota.get("MaxSendRate", 1)),
            max_24_hour_send=float(quota.get("Max24HourSend", 200)),
            sent_last_24_hours=float(quota.get("SentLast24Hours", 0)),
        )


def _identity(answer: Mapping[str, Any]) -> SesIdentity:
    dkim, mail_from = answer.get("DkimAttributes", {}), answer.get("MailFromAttributes", {})
    # With signing disabled no token signs, whatever its status, so the tokens count as absent.
    tokens = dkim.get("Tokens", []) if dkim.get("SigningEnabled", True) else []
    return SesIdentity(
        verification_status=answer.get("VerificationStatus"),
        dkim_status=dkim.get("Status"),
        mail_from_status=mail_from.get("MailFromDomainStatus"),
        mail_from_domain=mail_from.get("MailFromDomain"),
        verified_for_sending=answer.get("VerifiedForSendingStatus"),
        error_type=answer.get("VerificationInfo", {}).get("ErrorType"),
        tokens=tuple(tokens),
        rejects_on_mx_failure=mail_from.get("BehaviorOnMxFailure") == "REJECT_MESSAGE",
    )
