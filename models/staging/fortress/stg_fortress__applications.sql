{{ typed_rows(topic='applications', relation=source('fortress', 'applications')) }}
