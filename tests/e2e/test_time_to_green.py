"""A watched domain turns READY within seconds of SES seeing it, with 2,000 other domains pending."""

OTHERS = 2000
TIMES = 20
WITHIN_SECONDS = 3.0
