{{ current_state(topic='scheduledtransactions', history=ref('scheduledtransactions_history')) }}
