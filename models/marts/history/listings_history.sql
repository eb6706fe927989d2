{{ history(topic='listings', changes=ref('listings_changes')) }}
