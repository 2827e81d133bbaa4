"""The parts of the verifier. Each module wires one of them from its stores, workers and servicers."""
