select advertisers.name as advertiser, day as "date:day", state, imports.id as import
from day_marks
join advertisers using (advertiser_key)
join imports using (import_key)
order by advertisers.name, day, day_marks.import_key
