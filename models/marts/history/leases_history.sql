{{ history(topic='leases', changes=ref('leases_changes')) }}
