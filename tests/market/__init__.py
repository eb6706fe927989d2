"""Market data: the client against a service with every odd answer, and the tables that come of it."""
