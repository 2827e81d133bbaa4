"""The commands, by the kind of resource that they are about."""
