"""The sandbox's DNS: its own root, suffixes delegated on demand, authoritative servers, one recursor."""

from sandbox.dns.internet import Answer, Internet
from sandbox.dns.records import Soa

__all__ = ["Answer", "Internet", "Soa"]
