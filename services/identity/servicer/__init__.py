"""identity's gRPC servicers, which convert between protobuf messages and model values."""
