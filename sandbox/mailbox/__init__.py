"""The sandbox's receiving mail server: accepts email over SMTP, authenticates it, and shows it."""

from sandbox.mailbox.store import Mailbox

__all__ = ["Mailbox"]
