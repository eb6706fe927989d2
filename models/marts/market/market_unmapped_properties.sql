{{ config(materialized='table', schema='audit') }}
{%- set mapping = {'_organization_id': 'varchar', 'property_id': 'varchar', 'market_property_id': 'bigint'} %}
{%- set identity = {'property_id': 'bigint', 'property_name': 'varchar', 'address': 'varchar', 'city': 'varchar', '_asked_at': 'timestamp'} %}
{%- set street = ['street', 'line1', 'address1', 'address_line1', 'addressLine1'] %}
-- Name and address of a property are not documented: they are looked for under the names that they may have.
with records as (
    select _organization_id, id, to_json(properties) as record from {{ rows_or_none(ref('properties'), {'_organization_id': 'varchar', 'id': 'varchar'}) }} as properties
),

named as (
    select
        _organization_id,
        id as property_id,
        coalesce({% for name in ['name', 'property_name', 'marketing_name', 'display_name'] %}record ->> '{{ name }}'{{ ', ' if not loop.last }}{% endfor %}) as name,
        coalesce({% for name in ['address', 'street_address', 'address_line1', 'address1', 'street'] %}record ->> '{{ name }}'{{ ', ' if not loop.last }}{% endfor %}) as written
    from records
),

own as (
    select
        _organization_id,
        property_id,
        name,
        case
            when written[1] = '{' and json_valid(written)
                then coalesce({% for name in street %}written::json ->> '{{ name }}'{{ ', ' if not loop.last }}{% endfor %})
            else written
        end as address
    from named
    anti join {{ rows_or_none(ref('stg_market__mapping'), mapping) }} as mapped using (_organization_id, property_id)
),

vendors as (
    {%- for table in ['market_properties_daily', 'market_floorplans_daily', 'market_units_changes'] %}
    select property_id, property_name, address, city, _asked_at from {{ rows_or_none(ref(table), identity) }} where coalesce(property_name, address) is not null
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

offered as (
    select property_id as market_property_id, arg_max(property_name, _asked_at) as market_name, arg_max(address, _asked_at) as market_address, arg_max(city, _asked_at) as market_city
    from vendors
    group by property_id
),

compared as (
    select
        own._organization_id,
        own.property_id,
        offered.*,
        jaro_winkler_similarity({{ comparable_text('own.name') }}, {{ comparable_text('offered.market_name') }}) as name_likeness,
        jaro_winkler_similarity({{ comparable_text('own.address') }}, {{ comparable_text('offered.market_address') }}) as address_likeness
    from own, offered
),

candidates as (
    select *, list_avg([name_likeness, address_likeness]) as likeness
    from compared
    where likeness >= 0.8
    qualify row_number() over (partition by _organization_id, property_id order by likeness desc, market_property_id) <= 3
)

select
    own._organization_id,
    own.property_id,
    own.name,
    own.address,
    candidates.market_property_id,
    candidates.market_name,
    candidates.market_address,
    candidates.market_city,
    candidates.likeness
from own
left join candidates using (_organization_id, property_id)
