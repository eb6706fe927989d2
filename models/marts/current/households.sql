{{ current_state(topic='households', history=ref('households_history')) }}
