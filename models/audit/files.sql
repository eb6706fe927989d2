{{ config(materialized='table') }}

-- A table, not a view: the published file holds no raw schema for a view to stand on.
select * from {{ source('fortress', '_files') }}
