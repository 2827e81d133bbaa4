"""console: the web pages and the Resend-compatible HTTP API. Has no tables; calls the services over gRPC."""
