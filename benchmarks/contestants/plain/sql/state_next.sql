delete from state using (select id from found where is_last) as touched where state.id = touched.id;
insert into state by name select * exclude (change_type, is_last) from found where is_last;
