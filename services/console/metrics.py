"""The metrics of the console service."""

from prometheus_client import Counter, Gauge, Histogram

HTTP_REQUESTS = Counter("letterhead_http_total", "HTTP requests", ["method", "route", "status"])
HTTP_SECONDS = Histogram("letterhead_http_seconds", "Time to the first byte of the response", ["route"])
LIVE_PAGES = Gauge("letterhead_live_pages", "Open pages that watch a domain")
LIVE_STREAMS = Gauge("letterhead_live_streams", "Open streams from verifier, shared by the pages")
