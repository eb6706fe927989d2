{{ current_state(topic='prospects', history=ref('prospects_history')) }}
