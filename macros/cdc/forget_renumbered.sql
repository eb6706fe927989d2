{#
    Takes a file's rows out of a change log when the same content stands under another number by now, as the loader has it where
    content counts again: what was in force before a revision, say. The log has the rows under the new number by then.

    Arguments: log, `this` in a hook.
#}
{% macro forget_renumbered(log) -%}
    {{ adapter.dispatch('forget_renumbered')(log) }}
{%- endmacro %}


{% macro default__forget_renumbered(log) -%}
    {%- if is_incremental() -%}
    delete from {{ log }} where _file_id not in (select _file_id from raw._files where status in ('loaded', 'superseded'))
    {%- endif -%}
{%- endmacro %}
