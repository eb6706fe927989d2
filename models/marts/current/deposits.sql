{{ current_state(topic='deposits', history=ref('deposits_history')) }}
