{#
    Warns of every reference of a current record that leads to no current record of the same organization, each with its kind:
    `missing` or `deleted`. What has not arrived yet is no fault; audit.unresolved_references counts all three.
    docs/decisions/0016-references.md.

    Arguments: references, a list of {column, target}, the target a `ref` of a current state; files, the ledger's `source` (with `ref`
    of audit.files, which every build renews, every topic's test would run each time); kinds, which of them count.

    Like sound_topic, a build tests the records that it touched.
    Example:
        - references_arrive:
            name: references_of_leases_arrive
            arguments: {references: [{column: unit_id, target: ref('units')}], files: "source('fortress', '_files')"}
#}
{% test references_arrive(model, references, files, kinds=['missing', 'deleted']) %}
    {{ config(severity='warn') }}
    {%- set until = tested_until(model.identifier) -%}
    {%- set touched = '(from ' ~ model ~ ' where _file_id > ' ~ until ~ ')' if until else model %}
    {%- set keys = dangling_keys(model.identifier, touched, references) -%}
    {%- set targets = built_references(references) | map(attribute='target') -%}
    select * from ({{ why_unresolved('(' ~ dangling_references(keys, targets) ~ ')', files) }})
    where kind in ('{{ kinds | join("', '") }}')
{% endtest %}
