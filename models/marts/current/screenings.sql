{{ current_state(topic='screenings', history=ref('screenings_history')) }}
