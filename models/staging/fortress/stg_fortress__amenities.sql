{{ typed_rows(topic='amenities', relation=source('fortress', 'amenities')) }}
