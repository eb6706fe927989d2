{{ union_of_topics(cast_failures) }}
