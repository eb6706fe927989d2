{{ history(topic='deposits', changes=ref('deposits_changes')) }}
