insert into raw by name from delivered;
create or replace temp table new as
select typed.*, strptime(split_part(file_name, '.', 1), '%Y%m%d-%H%M%S%g') as batch_at
from typed('delivered') as typed inner join main.files using (file_id);
