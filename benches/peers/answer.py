"""What the tuned peers have in common: rows to the report, with names in memory and orjson."""

from datetime import datetime, timezone
from uuid import uuid4

import orjson
from fastapi import Response


def number(micros: int) -> float | int:
    return micros // 1_000_000 if micros % 1_000_000 == 0 else micros / 1_000_000


def answer(rows, days: dict, campaigns: dict, publishers: dict) -> Response:
    items = []
    for day, campaign, publisher, clicks, cost in rows:
        offer, name, store, system, campaign_name, campaign_id = campaigns[campaign]
        items.append(
            {
                "date": days[day],
                "offer_name": offer,
                "partner_id": publishers[publisher],
                "app": name,
                "store_id": store,
                "os": system,
                "campaign_name": campaign_name,
                "campaign_id": campaign_id,
                "cost": number(cost),
                "clicks": clicks,
            }
        )
    body = {
        "responseId": str(uuid4()),
        "isSuccessful": True,
        "responseTitle": "Success",
        "responseType": "Success",
        "messages": [],
        "data": {"generatedAt": datetime.now(timezone.utc).isoformat(timespec="milliseconds"), "items": items},
    }
    return Response(orjson.dumps(body), media_type="application/json")
