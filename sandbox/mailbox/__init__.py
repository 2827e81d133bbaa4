"""The sandbox's receiving mail server: takes email by SMTP, judges it as a receiver would, and shows it."""

from sandbox.mailbox.store import Mailbox

__all__ = ["Mailbox"]
