"""PostgreSQL through asyncpg, with the same schema, names in memory and orjson: the database does nothing but hand out rows."""

import os
from contextlib import asynccontextmanager
from datetime import date

import asyncpg
from answer import answer
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
    return answer(rows, days, app.state.campaigns, app.state.publishers)
