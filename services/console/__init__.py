"""console: the page that customers see and the edge that Resend's SDKs speak to. No tables, gRPC inward."""
