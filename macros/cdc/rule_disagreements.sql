{#
    One row per record and batch where the three resolutions differ, with what each would have given: the row of the file that
    survives, and whether it leaves the record deleted. docs/contract.md, section 3.

    Arguments: rows, what disputed_rows gives of one topic or of several.
    Example: `{{ rule_disagreements(rows=union_of_topics(disputed_rows)) }}`
#}
{% macro rule_disagreements(rows) -%}
    select
        topic,
        _organization_id,
        id,
        _file_id,
        _batch_at,
        any_value(_resolution) as resolution,
        count(*) as rows_in_batch
        {%- for resolution in ['precedence', 'row_order', 'newest_image'] %},
        {{ first_by('_row_number', survivor_keys(resolution)) }} as {{ resolution }}_row_number,
        {{ first_by("_op = 'D'", survivor_keys(resolution)) }} as {{ resolution }}_deletes
        {%- endfor %}
    from ({{ rows }})
    group by topic, _organization_id, id, _file_id, _batch_at
{%- endmacro %}


{# The rows of a topic's change log whose place among their batch's rows of one id the resolutions see differently. #}
{% macro disputed_rows(topic, changes) -%}
    select
        '{{ topic }}' as topic,
        _organization_id,
        id,
        _file_id,
        _batch_at,
        _row_number,
        _op,
        _resolution,
        'change' as kind,
        null::string as file_name,
        {{ column_or_null('updated_at', topic_columns(topic) | map(attribute='name') | list) }} as updated_at
    from {{ changes.include(database=false) }}
    where _rules_disagree
{%- endmacro %}
