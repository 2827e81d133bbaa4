"""The Authentication-Results header with which a receiver records its results, RFC 8601."""

import re

from sandbox.mailbox.judge import DkimResult, Envelope, Evaluation

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`{|}~0-9A-Za-z@/]+")


def authentication_results(host: str, evaluation: Evaluation, envelope: Envelope) -> str:
    """Return the header's value, one method per line; `host` is the authserv-id."""
    kind, identity = ("mailfrom", envelope.sender) if envelope.sender else ("helo", envelope.helo)
    methods = [_dkim(verdict) for verdict in evaluation.dkim] or ["dkim=none"]
    client = _comment(envelope.client)
    methods.append(f"spf={evaluation.spf.result} (client {client}) smtp.{kind}={_quoted(identity)}")
    dmarc = evaluation.dmarc
    asked = f" (p={dmarc.policy.p} dis={dmarc.disposition})" if dmarc.policy else ""
    methods.append(f"dmarc={dmarc.result}{asked} header.from={_quoted(dmarc.domain)}")
    return ";\r\n       ".join([host, *methods])


def _dkim(verdict: DkimResult) -> str:
    remark = f"{verdict.bits}-bit key" if verdict.result == "pass" else verdict.reason
    return (
        f"dkim={verdict.result} ({_comment(remark)})"
        f" header.d={_quoted(verdict.domain)} header.s={_quoted(verdict.selector)}"
    )


def _quoted(value: str) -> str:
    """Return the value as a token, or quoted, so that an email cannot inject a header or a method."""
    if _TOKEN.fullmatch(value):
        return value
    printable = "".join(c for c in value if c.isprintable())
    return '"' + printable.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _comment(text: str) -> str:
    return "".join(c for c in text if c.isprintable() and c not in "()\\")
