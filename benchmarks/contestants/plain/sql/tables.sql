-- Every delivered row, as delivered.
create table raw (
    id varchar, "readableId" varchar, "propertyId" varchar, "unitId" varchar, "assignedUserId" varchar, status varchar, priority varchar,
    description varchar, "entryNotes" varchar, "hasPetAlert" varchar, "dueDate" varchar, "completedAt" varchar,
    "totalAmountOwedByResident" varchar, "createdAt" varchar, "updatedAt" varchar, "deletedAt" varchar,
    file_id bigint, row_number bigint, op varchar
);

-- The first snapshot, typed; never changed again. Each row is its record's first version.
create table base (
    id varchar, readable_id varchar, property_id varchar, unit_id varchar, assigned_user_id varchar, status varchar, priority varchar,
    description varchar, entry_notes varchar, has_pet_alert boolean, due_date date, completed_at timestamp,
    total_amount_owed_by_resident decimal(18, 6), created_at timestamp, updated_at timestamp, deleted_at timestamp,
    file_id bigint, row_number bigint, batch_at timestamp, valid_from timestamp, is_put boolean, version_number bigint,
    image ubigint
);

-- Each record's last step; a deleted record's too.
create table state as from base;

-- Every step after the first snapshot, in the order in which they came; only ever appended to.
create table log as select *, null::varchar as change_type from base;

create view current as
select * exclude (is_put, version_number, image) from state where is_put and deleted_at is null;

create view history as
with
touched as (select id, min(valid_from) as valid_to from log group by id),
dated as (
    select *, lead(valid_from) over (partition by id order by batch_at) as valid_to from log
),
versions as (
    select base.* exclude (is_put, image), touched.valid_to, 'snapshot' as change_type from base left join touched using (id)
    union all by name
    select * exclude (is_put, image) from dated where is_put
)
select *, valid_to is null as is_current, deleted_at is not null as is_deleted from versions;
