-- Volumes: what the lists of imports and the imports that were cut off are found by. Comments are in schema.sql.

create index import_spans_by_advertiser on import_spans (advertiser_key);

create index audit_log_cut_off on audit_log (at) where action = 'stats import cut off';
