{{ typed_rows(topic='screenings', relation=source('fortress', 'screenings')) }}
