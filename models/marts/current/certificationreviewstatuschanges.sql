{{ current_state(topic='certificationreviewstatuschanges', history=ref('certificationreviewstatuschanges_history')) }}
