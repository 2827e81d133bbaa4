"""The parts of sender, each wired from its stores, workers and servicers."""
