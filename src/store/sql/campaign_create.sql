insert into campaigns (id, advertiser_key, offer_key, app_key, name, created_at)
select
    case
        when id_given or exists (select 1 from campaigns where campaigns.offer_key = :offer) then :spare
        else offers.id
    end,
    :advertiser,
    :offer,
    :app,
    :name,
    :now
from offers
where offer_key = :offer
returning campaign_key, id
