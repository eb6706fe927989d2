{{ typed_rows(topic='prospects', relation=source('fortress', 'prospects')) }}
