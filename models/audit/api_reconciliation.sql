{{ config(materialized='table') }}

-- A table, as audit.files is one; `python -m loaders reconcile` brings it up to date by itself.
select * from {{ source('fortress', '_api_reconciliation') }}
