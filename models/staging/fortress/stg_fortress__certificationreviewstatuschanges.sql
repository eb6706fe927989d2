{{ typed_rows(topic='certificationreviewstatuschanges', relation=source('fortress', 'certificationreviewstatuschanges')) }}
