insert into base by name
select
    typed.* exclude (op), modified_at as batch_at, case when updated_at <= modified_at then updated_at else modified_at end as valid_from,
    true as is_put, 1 as version_number
from typed('raw') as typed inner join main.files using (file_id);
