select clicks, cost_micros, views, conversions, import_key, import_line
from daily_stats
where advertiser_key = ?1 and day = ?2 and campaign_key = ?3 and publisher_key = ?4
