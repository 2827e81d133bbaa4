"""Posts events to customers' endpoints. It alone may connect to their hosts; it has no permissions at AWS."""
