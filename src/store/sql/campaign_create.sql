insert into campaigns (id, advertiser_key, offer_key, app_key, name, created_at)
select
    case
        when exists (select 1 from campaigns where offer_key = :offer) then :spare
        else (select id from offers where offer_key = :offer)
    end,
    :advertiser,
    :offer,
    :app,
    :name,
    :now
returning campaign_key, id
