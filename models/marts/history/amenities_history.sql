{{ history(topic='amenities', changes=ref('amenities_changes')) }}
