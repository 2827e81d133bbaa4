"""The pages for people. Knows nothing of the API."""
