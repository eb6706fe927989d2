{{ typed_rows(topic='scheduledtransactions', relation=source('fortress', 'scheduledtransactions')) }}
