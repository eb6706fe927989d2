{{ history(topic='certificationreviewstatuschanges', changes=ref('certificationreviewstatuschanges_changes')) }}
