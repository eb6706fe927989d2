"""The models that a topic has: what scaffold writes, and a build may count on."""

# One line a model: the topic's name is all that its files do not share. {topic} is a name of the grammar in loaders/names.py.
_MODELS = {
    "staging/fortress/stg_fortress__{topic}.sql": "typed_rows(topic='{topic}', relation=source('fortress', '{topic}'))",
    "marts/changes/{topic}_changes.sql": (
        "change_log(topic='{topic}', rows=ref('stg_fortress__{topic}'), files=ref('stg_fortress__files'))"
    ),
    "marts/history/{topic}_history.sql": "history(topic='{topic}', changes=ref('{topic}_changes'))",
    "marts/current/{topic}.sql": "current_state(topic='{topic}', history=ref('{topic}_history'))",
}


def model_files(topic: str) -> dict[str, str]:
    """A topic's model files, by their place below ``models``, each with its text."""
    return {path.format(topic=topic): "{{ " + call.format(topic=topic) + " }}\n" for path, call in _MODELS.items()}
