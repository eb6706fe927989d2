"""Market data: a vendor's asynchronous export jobs, from the request to the rows in raw. `python -m loaders market --help`."""
