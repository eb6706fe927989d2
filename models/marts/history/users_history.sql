{{ history(topic='users', changes=ref('users_changes')) }}
