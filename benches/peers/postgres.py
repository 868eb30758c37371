"""PostgreSQL through asyncpg, with the same schema, names in memory and orjson: the database does nothing but hand out rows."""

import os
from contextlib import asynccontextmanager
from datetime import date, datetime, timezone
from uuid import uuid4

import asyncpg
import orjson
from fastapi import FastAPI, Request, Response

TOKENS = {os.environ["PEER_TOKEN"]: 1}
EPOCH = date(1970, 1, 1)


@asynccontextmanager
async def lifespan(app: FastAPI):
    async with asyncpg.create_pool(os.environ["PEER_PG"], min_size=4, max_size=4) as pool:
        app.state.pool = pool
        app.state.publishers = {key: id for key, id in await pool.fetch("select publisher_key, id from publishers")}
        app.state.campaigns = {
            key: rest
            for key, *rest in await pool.fetch(
                """select campaign_key, offers.name, apps.name, store_id, os, campaigns.name, campaigns.id
                   from campaigns join offers using (offer_key) join apps using (app_key)"""
            )
        }
        yield


app = FastAPI(lifespan=lifespan)


def number(micros: int) -> float | int:
    return micros // 1_000_000 if micros % 1_000_000 == 0 else micros / 1_000_000


@app.get("/report")
async def report(request: Request) -> Response:
    advertiser = TOKENS.get(request.headers.get("authorization", "").removeprefix("ApiToken "))
    if advertiser is None:
        return Response(status_code=401)
    first, last = (
        (date.fromisoformat(request.query_params[name]) - EPOCH).days for name in ("date_from", "date_to")
    )
    rows = await app.state.pool.fetch(
        """select day, campaign_key, publisher_key, clicks, cost_micros from daily_stats
           where advertiser_key = $1 and day between $2 and $3
           order by day, campaign_key, publisher_key""",
        advertiser,
        first,
        last,
    )
    days = {day: date.fromordinal(EPOCH.toordinal() + day).isoformat() for day in range(first, last + 1)}
    campaigns, publishers = app.state.campaigns, app.state.publishers
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
