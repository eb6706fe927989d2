{{ current_state(topic='moveouts', history=ref('moveouts_history')) }}
