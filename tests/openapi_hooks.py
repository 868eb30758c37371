"""What the API's description can't say about a request that fits it: dates in order, names that are known.

Only requests that are meant to be right are changed, so that each of them must be accepted."""

import json

import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    query = case.query = case.query or {}
    first, last = query.get("date_from"), query.get("date_to")
    if isinstance(first, str) and isinstance(last, str) and first[:10] > last[:10]:
        query["date_from"], query["date_to"] = last, first
    if case.operation.path == "/api/v1/daily-stats":
        query["reason"] = "another request made the days final"  # one of blanks alone is none
        case.body = rows(case.body, case.media_type, query)


def rows(body, media_type, query):
    """Rows that keep their generated figures, costs to twelve decimals, and name what the server knows or may create."""
    if media_type == "application/json" and isinstance(body, dict):
        for number, row in enumerate(body["items"]):
            known(row, number)
        query["create_missing"] = True
        return body
    query["create_missing"] = True
    row = known({"date": "2020-01-01", "clicks": 1, "cost": 1}, 0)
    if media_type == "text/csv":
        return ",".join(row) + "\n" + ",".join(str(value) for value in row.values()) + "\n"
    return json.dumps(row) + "\n"


def known(row, number):
    for name in ("campaign_id", "partner_id", "currency", "advertiser", "network_campaign_id"):
        row.pop(name, None)
    row |= {"date": f"20{number % 20:02}-01-01", "campaign_name": f"Campaign {number}", "partner": "Lumen", "cost": round(abs(row["cost"]), 12)}
    row |= {"offer_name": f"Offer {number}", "app": "Coin Game", "store_id": "com.example.coin", "os": "ANDROID"}
    return row
