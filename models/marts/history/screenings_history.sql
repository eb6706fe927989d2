{{ history(topic='screenings', changes=ref('screenings_changes')) }}
