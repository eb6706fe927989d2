{{ history(topic='scheduledtransactions', changes=ref('scheduledtransactions_changes')) }}
