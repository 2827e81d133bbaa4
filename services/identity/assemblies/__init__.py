"""The parts of identity, each wired from its stores, workers and servicers."""
