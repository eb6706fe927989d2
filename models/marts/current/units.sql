{{ current_state(topic='units', history=ref('units_history')) }}
