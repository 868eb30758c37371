"""What a developer on the advertiser's side would write in an afternoon: FastAPI, SQLite, text keys, a join, models."""

import os
import sqlite3
from datetime import date, datetime, timezone
from uuid import uuid4

from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel

app = FastAPI()


class Item(BaseModel):
    date: str
    offer_name: str
    partner_id: str
    app: str
    store_id: str
    os: str
    campaign_name: str
    campaign_id: str
    cost: float
    clicks: int


class Data(BaseModel):
    generatedAt: str
    items: list[Item]


class Report(BaseModel):
    responseId: str
    isSuccessful: bool = True
    responseTitle: str = "Success"
    responseType: str = "Success"
    messages: list[str] = []
    data: Data


def database():
    connection = sqlite3.connect(os.environ["NAIVE_DB"], check_same_thread=False)
    connection.row_factory = sqlite3.Row
    try:
        yield connection
    finally:
        connection.close()


@app.get("/report", response_model=Report)
def report(
    date_from: date,
    date_to: date,
    authorization: str = Header(),
    db: sqlite3.Connection = Depends(database),
):
    token = authorization.removeprefix("ApiToken ")
    account = db.execute("select advertiser_id from tokens where token = ?", (token,)).fetchone()
    if account is None:
        raise HTTPException(401)
    rows = db.execute(
        """select s.date, o.name as offer_name, s.partner_id, a.name as app, a.store_id, a.os,
                  c.name as campaign_name, c.id as campaign_id, s.cost, s.clicks
           from stats s
           join campaigns c on c.id = s.campaign_id
           join offers o on o.id = c.offer_id
           join apps a on a.id = c.app_id
           where c.advertiser_id = ? and s.date between ? and ?
           order by s.date, c.id""",
        (account["advertiser_id"], date_from.isoformat(), date_to.isoformat()),
    ).fetchall()
    return Report(
        responseId=str(uuid4()),
        data=Data(
            generatedAt=datetime.now(timezone.utc).isoformat(),
            items=[Item(**row) for row in rows],
        ),
    )
