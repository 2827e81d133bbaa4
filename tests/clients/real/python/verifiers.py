"""The libraries that verify webhooks: each accepts the post, and rejects it once its body has changed."""

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

import resend
import standardwebhooks
import svix

GIVEN: dict[str, Any] = json.load(sys.stdin)
POST: dict[str, Any] = GIVEN["post"]
sdk: Any = resend


def with_resend(body: str, secret: str) -> None:
    headers = {name: POST["headers"][f"svix-{name}"] for name in ("id", "timestamp", "signature")}
    sdk.Webhooks.verify({"payload": body, "headers": headers, "webhook_secret": secret})


def with_standardwebhooks(body: str, secret: str) -> None:
    standardwebhooks.Webhook(secret).verify(body, POST["headers"])


def with_svix(body: str, secret: str) -> None:
    svix.Webhook(secret).verify(body, POST["headers"])


VERIFIERS: Mapping[str, tuple[Callable[[str, str], None], type[Exception]]] = {
    "resend": (with_resend, ValueError),
    "standardwebhooks": (with_standardwebhooks, standardwebhooks.WebhookVerificationError),
    "svix": (with_svix, svix.WebhookVerificationError),
}

for name, (verify, error) in VERIFIERS.items():
    for each in GIVEN["secrets"]:
        verify(POST["body"], each)
        try:
            verify(POST["body"] + " ", each)
        except error:
            continue
        raise AssertionError(f"{name} accepts another body")
    sys.stdout.write(json.dumps({"what": f"{name} verifies"}) + "\n")
