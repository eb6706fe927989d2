"""HTTP as the market data and the reconciliation speak it: the client's side, and a small service on loopback to try it against."""
