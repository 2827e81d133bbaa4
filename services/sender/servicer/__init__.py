"""The gRPC servicers of sender: they map messages to values and back."""
