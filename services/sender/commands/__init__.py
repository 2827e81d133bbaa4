"""The operations behind sender's rpcs that take more than one SQL statement."""
