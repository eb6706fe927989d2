{{ current_state(topic='certifications', history=ref('certifications_history')) }}
