"""Limits of gRPC requests: sizes, concurrency, time, and the memory that a caller without a key can use.

`config.Server` has the limits that an installation may change: the largest request, the deadline of a unary
call, and the open streams of one key and of one tenant. Limits of lists are in `chassis.pages`, those of HTTP
connections in `chassis.connections`.
"""

# Bytes of a request: to an ordinary method, at most to a method registered as large, and to a probe.
ORDINARY = 4 * 1024 * 1024
LARGEST = 64 * 1024 * 1024
LARGEST_PROBE = 1024
SLOTS = 8  # concurrent reads per tenant and process
HOLDS_SLOT = 1024 * 1024  # a request with more bytes holds its slot until the call ends
READ_WITHIN = 30.0  # seconds in which a request must arrive
COPIES = 7  # of a large request while it is handled: measured when an email with a file of 27 MB is accepted
WAITS_FOR = 10.0  # seconds that a large request waits for memory for these, before it is rejected

# Calls of all callers together. The rest of them is reserved for unary calls.
MAX_CONCURRENT_RPCS = 2000
MAX_STREAMS = 1500
MAX_CONCURRENT_PROBES = 50

# Connections are closed after 5 minutes so that clients discover new replicas; watchers then reconnect.
OPTIONS = {
    "grpc.so_reuseport": 0,  # a port in use is an error, not a shared port
    "grpc.keepalive_time_ms": 60_000,
    "grpc.keepalive_timeout_ms": 20_000,
    "grpc.keepalive_permit_without_calls": 1,
    "grpc.http2.min_ping_interval_without_data_ms": 10_000,
    "grpc.max_connection_age_ms": 300_000,
    "grpc.max_connection_age_grace_ms": 30_000,
    "grpc.server_handshake_timeout_ms": 10_000,
    # The bandwidth estimator would grow the flow-control window, and with it the memory that a caller without
    # a key can use. A request that is being read gets the window it needs without the estimator.
    "grpc.http2.bdp_probe": 0,
    "grpc.http2.lookahead_bytes": 64 * 1024,
    "grpc.max_concurrent_streams": MAX_CONCURRENT_RPCS,  # per connection
}
# The health port serves only probes, whose requests are a few bytes long.
PROBE_OPTIONS = OPTIONS | {
    "grpc.max_receive_message_length": LARGEST_PROBE,
    "grpc.max_concurrent_streams": 10,
}
