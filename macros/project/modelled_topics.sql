{#
    The topics that have marts, for the models that read all of them. Written by `python -m loaders scaffold` from the registry.

    Example: `{% for topic in modelled_topics() %}`
#}
{% macro modelled_topics() -%}
    {%- do return([
        'activities',
        'affordablecontracts',
        'amenities',
        'applications',
        'applicationstatuschanges',
        'balances',
        'buildings',
        'certificationcustomers',
        'certificationdocuments',
        'certificationreviewstatuschanges',
        'certifications',
        'customers',
        'deposits',
        'floorplans',
        'households',
        'incomelimits',
        'leases',
        'listings',
        'maintenanceissues',
        'maintenancelocations',
        'moveins',
        'moveouts',
        'properties',
        'prospects',
        'rentchanges',
        'reversals',
        'scheduledtransactions',
        'screenings',
        'transactions',
        'turns',
        'units',
        'users',
        'workorders',
    ]) -%}
{%- endmacro %}
