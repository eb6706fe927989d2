{{ current_state(topic='applications', history=ref('applications_history')) }}
