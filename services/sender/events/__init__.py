"""Events in both directions: those that sender publishes, and those that it applies.

Besides the servicers, only these modules use the protobuf messages.
"""
