"""Python, by openapi-python-client."""

import os

from pitlane_client import AuthenticatedClient
from pitlane_client.api.cost_report import general_cost_report_json, singular_cost_report_json
from pitlane_client.api.daily_stats import put_daily_stats
from pitlane_client.models import StatRow, StatRows


def client(token):
    return AuthenticatedClient(base_url=os.environ["ORIGIN"], token=os.environ[token], prefix="ApiToken")


report = client("REPORT_TOKEN")
january = {"client": report, "date_from": "2026-01-01", "date_to": "2026-01-31"}
answer = singular_cost_report_json.sync_detailed(**january)
[item] = answer.parsed.data.items
print(f"report: {item.clicks} clicks, cost {item.cost:.6f}")
rows = general_cost_report_json.sync(client=report, date_from="2026-02-01", date_to="2026-02-28").data
print(f"totals: {sum(row.total_views for row in rows)} views")
again = singular_cost_report_json.sync_detailed(**january, if_none_match=answer.headers["ETag"])
print(f"again: {again.status_code.value}")
refused = singular_cost_report_json.sync(client=report, date_from="2026-01-02", date_to="2026-01-01")
print(f"refused: {refused.response_type.value}")

row = StatRow.from_dict({"date": "2026-03-01", "campaign_name": "AOS_ONE", "partner": "Lumen", "clicks": 2**40, "cost": 0.000001})
for name, dry in (("dry run", True), ("import", False)):
    done = put_daily_stats.sync(client=client("INGEST_TOKEN"), body=StatRows(items=[row]), dry_run=dry)
    assert (done.data.import_id is None) == dry
    print(f"{name}: {done.data.inserted} inserted")
