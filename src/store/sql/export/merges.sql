select
    imports.id as import,
    case when merges.publisher_key is null then 'campaign' else 'publisher' end as kind,
    coalesce(hidden_publisher.id, hidden_campaign.id) as merged,
    coalesce(kept_publisher.id, kept_campaign.id) as "into"
from merges
join imports using (import_key)
left join publishers as hidden_publisher on hidden_publisher.publisher_key = merges.publisher_key
left join publishers as kept_publisher on kept_publisher.publisher_key = merges.into_publisher_key
left join campaigns as hidden_campaign on hidden_campaign.campaign_key = merges.campaign_key
left join campaigns as kept_campaign on kept_campaign.campaign_key = merges.into_campaign_key
order by merges.import_key
