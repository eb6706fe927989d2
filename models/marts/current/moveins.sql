{{ current_state(topic='moveins', history=ref('moveins_history')) }}
