{{ current_state(topic='turns', history=ref('turns_history')) }}
