"""The parts of deliverer, each wired from its stores and workers."""
