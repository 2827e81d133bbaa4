"""Prints deploy/components/nats/authorization.conf: what each user of NATS may do, made from the code.

With arguments, a stream and a prefix of subjects, for an installation that has chosen others.
"""

import sys

from chassis.events.authorization import authorization_file, permissions

HEADER = """# What each user may do; made from chassis/events/subjects.py by `make docs`. Change it there.
# The public key of each user is in the Secret letterhead-nats.
include nkeys.conf

"""


def document(*names: str) -> str:
    """Return the configuration for a stream and a prefix, or for the default ones."""
    return HEADER + authorization_file(permissions(*names))


if __name__ == "__main__":
    sys.stdout.write(document(*sys.argv[1:]))
