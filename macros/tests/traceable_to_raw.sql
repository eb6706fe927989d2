{#
    Fails with every row that no delivered file holds, and with every delivered row that is missing: nothing invented,
    nothing invisible.

    Arguments: rows, `ref` of the topic's staging model; files, `ref` of the staged ledger.
#}
{% test traceable_to_raw(model, rows, files) %}
    select
        coalesce(log._file_id, delivered._file_id) as _file_id,
        coalesce(log._row_number, delivered._row_number) as _row_number,
        case when log._file_id is null then 'delivered and not in the log' else 'in the log and not delivered' end as fault
    from {{ model }} as log
    full join (select _file_id, _row_number from {{ rows }} where _file_id in (select _file_id from {{ files }})) as delivered
        on log._file_id = delivered._file_id and log._row_number = delivered._row_number
    where log._file_id is null or delivered._file_id is null
{% endtest %}
