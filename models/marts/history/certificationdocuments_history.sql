{{ history(topic='certificationdocuments', changes=ref('certificationdocuments_changes')) }}
