{{ typed_rows(topic='incomelimits', relation=source('fortress', 'incomelimits')) }}
