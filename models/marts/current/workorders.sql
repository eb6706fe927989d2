{{ current_state(topic='workorders', history=ref('workorders_history')) }}
