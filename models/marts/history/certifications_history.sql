{{ history(topic='certifications', changes=ref('certifications_changes')) }}
