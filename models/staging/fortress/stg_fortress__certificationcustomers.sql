{{ typed_rows(topic='certificationcustomers', relation=source('fortress', 'certificationcustomers')) }}
