{{ typed_rows(topic='certificationdocuments', relation=source('fortress', 'certificationdocuments')) }}
