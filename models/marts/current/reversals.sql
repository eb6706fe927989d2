{{ current_state(topic='reversals', history=ref('reversals_history')) }}
