{{ current_state(topic='certificationdocuments', history=ref('certificationdocuments_history')) }}
