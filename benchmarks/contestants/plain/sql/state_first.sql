insert into state by name
from base anti join found using (id)
union all by name
select * exclude (change_type, is_last) from found where is_last;
