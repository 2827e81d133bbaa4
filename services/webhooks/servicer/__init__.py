"""The RPCs of webhooks: one module per gRPC service."""
