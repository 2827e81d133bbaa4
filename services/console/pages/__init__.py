"""The web pages. Independent of the HTTP API."""
