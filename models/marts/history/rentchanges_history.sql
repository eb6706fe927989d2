{{ history(topic='rentchanges', changes=ref('rentchanges_changes')) }}
