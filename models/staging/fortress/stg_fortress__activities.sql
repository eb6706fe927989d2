{{ typed_rows(topic='activities', relation=source('fortress', 'activities')) }}
