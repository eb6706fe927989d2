{{ current_state(topic='leases', history=ref('leases_history')) }}
