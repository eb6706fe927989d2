"""The reconciliation with the platform's REST API."""
