"""The parts of webhooks, each wired from its stores, workers and servicers."""
