{{ history(topic='affordablecontracts', changes=ref('affordablecontracts_changes')) }}
