{{ config(materialized='table') }}
{%- set key = {'_organization_id': 'varchar', 'id': 'varchar', 'property_id': 'varchar'} -%}
{%- set version = {'valid_from': 'timestamp', 'valid_to': 'timestamp', 'is_current': 'boolean', 'is_deleted': 'boolean', 'change_type': 'varchar',
    'version_number': 'bigint'} -%}
{%- set units = dict(key, status='varchar', current_household_id='varchar', **version) -%}
{%- set leases = dict(key, unit_id='varchar', start_date='date', move_out_date='date', rent_amount='decimal(18, 6)', **version) -%}
{%- set market = {'property_id': 'bigint', 'report_date': 'date', 'avg_rent': 'double', 'avg_ner': 'double', 'advertised_occupancy_pct': 'double'} %}
with market_months as (
    select
        property_id as market_property_id,
        date_trunc('month', report_date)::date as month,
        count(*) as market_days,
        avg(avg_rent) as market_rent,
        avg(avg_ner) as market_ner,
        avg(advertised_occupancy_pct) as market_occupancy
    from {{ rows_or_none(ref('market_properties_daily'), market) }}
    group by all
),

mapped as (
    select _organization_id, property_id, market_property_id
    from {{ rows_or_none(ref('stg_market__mapping'), {'_organization_id': 'varchar', 'property_id': 'varchar', 'market_property_id': 'bigint'}) }}
),

-- The portfolio is looked at as it was when the month had just ended.
moments as (
    select distinct month, (month + interval 1 month)::timestamp as moment, (month + interval 1 month - interval 1 day)::date as last_day
    from market_months
),

own_units as (
    select
        own._organization_id,
        own.property_id,
        moments.month,
        count(*) as units,
        count_if(coalesce(starts_with(upper(own.status), 'OCCUPIED'), own.current_household_id is not null)) as occupied_units
    from moments, lateral (select * from ({{ versions_as_of(rows_or_none(ref('units_history'), units), 'moments.moment') }})) as own
    group by all
),

-- A unit's lease is the last one that had begun and was not moved out of.
lease_of_unit as (
    select own._organization_id, own.property_id, moments.month, moments.last_day, own.start_date, own.rent_amount
    from moments, lateral (select * from ({{ versions_as_of(rows_or_none(ref('leases_history'), leases), 'moments.moment') }})) as own
    where own.start_date <= moments.last_day and coalesce(own.move_out_date > moments.last_day, true)
    qualify row_number() over (
        partition by own._organization_id, moments.month, coalesce(own.unit_id, own.id) order by own.start_date desc, own.id
    ) = 1
),

own_leases as (
    select
        _organization_id,
        property_id,
        month,
        count(*) as leases,
        avg(rent_amount)::double as leased_rent,
        count_if(start_date >= month) as new_leases,
        (avg(rent_amount) filter (start_date >= month))::double as new_lease_rent
    from lease_of_unit
    group by all
)

select
    mapped._organization_id,
    mapped.property_id,
    market_months.month,
    mapped.market_property_id,
    coalesce(own_units.units, 0) as units,
    coalesce(own_units.occupied_units, 0) as occupied_units,
    own_units.occupied_units / own_units.units as occupancy,
    market_months.market_occupancy,
    own_units.occupied_units / own_units.units - market_months.market_occupancy as occupancy_over_market,
    coalesce(own_leases.leases, 0) as leases,
    own_leases.leased_rent,
    coalesce(own_leases.new_leases, 0) as new_leases,
    own_leases.new_lease_rent,
    market_months.market_rent,
    market_months.market_ner,
    own_leases.leased_rent / market_months.market_rent - 1 as leased_rent_over_market,
    own_leases.new_lease_rent / market_months.market_rent - 1 as new_lease_rent_over_market,
    market_months.market_days
from mapped
inner join market_months using (market_property_id)
left join own_units
    on mapped._organization_id = own_units._organization_id
    and mapped.property_id = own_units.property_id
    and market_months.month = own_units.month
left join own_leases
    on mapped._organization_id = own_leases._organization_id
    and mapped.property_id = own_leases.property_id
    and market_months.month = own_leases.month
