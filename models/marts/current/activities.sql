{{ current_state(topic='activities', history=ref('activities_history')) }}
