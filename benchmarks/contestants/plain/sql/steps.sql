-- At most one result for a record in a file (the last I, else the last U, else the D), then only those that change something.
create or replace temp table steps as
with
results as (
    select
        id, file_id, row_number, batch_at, op <> 'D' as is_put, case when op <> 'D' then coalesce(updated_at, created_at) else deleted_at end as event_at,
        image,
        bool_or(op = 'D') over (partition by id, file_id) as has_delete,
        null::bigint as version_number
    from new
    qualify row_number() over (partition by id, file_id order by case op when 'I' then 3 when 'U' then 2 else 1 end desc, row_number desc) = 1
),
prior as (
    select
        id, null::bigint as file_id, null::bigint as row_number, batch_at, is_put, null::timestamp as event_at,
        image,
        false as has_delete,
        version_number
    from $prior semi join results using (id)
),
compared as (
    select *, coalesce(lag(is_put) over record, false) as was_put, lag(image) over record as image_before
    from (from results union all from prior)
    window record as (partition by id order by batch_at)
),
changing as (
    select * from compared
    where file_id is null or case when is_put then not was_put or image <> image_before else was_put end
)
select
    id, file_id, row_number, batch_at, is_put,
    case when event_at <= batch_at and event_at > coalesce(lag(batch_at) over record, '-infinity') then event_at else batch_at end as valid_from,
    case when not is_put then null when not was_put then 'insert' when has_delete then 'replace' else 'update' end as change_type,
    coalesce(max(version_number) over so_far, 0) + count(*) filter (is_put and file_id is not null) over so_far as version_number,
    row_number() over (partition by id order by batch_at desc) = 1 as is_last
from changing
window record as (partition by id order by batch_at), so_far as (partition by id order by batch_at rows unbounded preceding);

create or replace temp table found as
select new.* exclude (op), steps.valid_from, steps.is_put, steps.version_number, steps.change_type, steps.is_last
from new inner join steps using (file_id, row_number, id, batch_at);

insert into log by name select * exclude (is_last) from found;
