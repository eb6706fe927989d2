{#
    Notes in `raw._seen` how far into the ledger a change log has just read: the proof, for publishing, that a file without
    rows (a snapshot of nothing but its header deletes everything) has been seen, whoever ran dbt.

    A hook of its own after the log is committed: a build that is killed between the two looks older than it is, never newer.

    Arguments: relation, the change log, `this` in a hook.
    Example: `+post-hook: {sql: "{{ note_seen(this) }}", transaction: false}`
#}
{% macro note_seen(relation) -%}
    {{ adapter.dispatch('note_seen')(relation) }}
{%- endmacro %}


{% macro default__note_seen(relation) -%}
    {%- set topic = relation.identifier | replace('_changes', '') -%}
    delete from raw._seen where topic = '{{ topic }}';
    insert into raw._seen select '{{ topic }}', coalesce(max(_file_id), 0) from raw._files
{%- endmacro %}
