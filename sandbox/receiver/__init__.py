"""Customers' webhook endpoints: an HTTPS server that records posts, and can be slow, wrong or hostile."""

from sandbox.receiver.server import receiving_posts
from sandbox.receiver.store import Receiver

__all__ = ["Receiver", "receiving_posts"]
