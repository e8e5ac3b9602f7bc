-- SPDX-License-Identifier: GPL-2.0
-- program.sql - what a database does all day, in memory; @N rows.  Prints the same each time, and
-- last the seconds it took.
.mode list
pragma journal_mode=off;
pragma cache_size=-64000;
create temp table began as select julianday('now') as at;
create table item(id integer primary key, grp int, name text, price real, note text);
with recursive n(i) as (select 1 union all select i + 1 from n where i < @N)
insert into item select i, i % 97, printf('item-%06d', (i * 7919) % @N), (i * 31 % 1000) / 7.0,
	substr('the quick brown fox jumps over the lazy dog', 1 + i % 20, i % 23) from n;
create index item_grp on item(grp, price);
create index item_name on item(name);
create table sale(item int, day int, qty int);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 3 * @N)
insert into sale select 1 + (i * 7907) % @N, i % 365, i % 11 from n;
create index sale_item on sale(item);
select count(*), round(sum(price), 3), min(name), max(name) from item;
select grp, count(*), round(avg(price), 3) from item group by grp order by 3 desc, 1 limit 10;
select i.grp, sum(s.qty), round(sum(s.qty * i.price), 2) from sale s join item i on i.id = s.item
	where s.day between 50 and 120 group by i.grp order by 2 desc, 1 limit 10;
select count(*) from item where note like '%fox%' or name glob '*7[0-4]?';
select sum(length(upper(note) || lower(name) || replace(note, 'o', '00'))), sum(instr(note, 'q')) from item;
select day, qty, item from (select day, qty, item, row_number() over (partition by day order by qty desc, item) as r
	from sale) where r <= 2 order by day, qty, item limit 20;
begin;
update item set price = price * 1.1 where grp < 30;
update sale set qty = qty + 1 where item in (select id from item where grp = 3);
delete from sale where day > 300;
commit;
select count(*), sum(qty) from sale;
select round(sum(price), 3) from item;
select count(*) from (select name from item where id in (select item from sale where qty > 5)
	union select name from item where grp = 4 except select name from item where price < 20);
with recursive t(a, b) as (select 1, 1 union all select b, (a + b) % 1000003 from t limit @N) select max(a), sum(b) from t;
select json_extract(json_group_array(name), '$[17]'), sum(json_array_length(json_array(grp, price, name))) from item where id < 5000;
select hex(group_concat(substr(name, -1), '')) from (select name from item order by note, id limit 40);
pragma integrity_check;
select 'took ' || printf('%.4f', (julianday('now') - at) * 86400) from began;
