{{ current_state(topic='properties', history=ref('properties_history')) }}
