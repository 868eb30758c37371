"""Asks a server for its pages and reports: the median time of seven requests, and the size of each answer."""

import http.client
import re
import statistics
import sys
import time
import urllib.parse

origin, email, password, token = sys.argv[1:]
host = urllib.parse.urlsplit(origin).netloc
connection = http.client.HTTPConnection(host, timeout=600)
cookies = {}


def ask(method, path, form=None, headers=None):
    headers = {**(headers or {}), "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
    body = None
    if form is not None:
        headers |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": origin}
        body = urllib.parse.urlencode(form)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    text = answer.read()
    for cookie in answer.headers.get_all("Set-Cookie") or []:
        name, value = cookie.split(";")[0].split("=", 1)
        cookies[name] = value
    return answer, text


def form_token():
    _, page = ask("GET", "/admin/login")
    return re.search(rb'name="form_token" value="([^"]+)"', page)[1].decode()


answer, _ = ask("POST", "/admin/login", {"form_token": form_token(), "email": email, "password": password})
assert answer.status == 303, answer.status


def measure(name, path, headers=None):
    times = []
    for _ in range(7):
        begun = time.perf_counter()
        answer, text = ask("GET", path, headers=headers)
        times.append(time.perf_counter() - begun)
    assert answer.status == 200, (path, answer.status, text[:300])
    print(f"{name:44} {statistics.median(times) * 1000:8.1f} ms {len(text) / 1000:9.1f} kB")


_, page = ask("GET", "/admin/catalogue/advertisers")
advertiser = re.search(rb"advertisers/([0-9a-f-]{36})[^<]*>\s*Advertiser 1\s*<", page)[1].decode()
many = re.search(rb"advertisers/([0-9a-f-]{36})[^<]*>\s*Many campaigns\s*<", page)[1].decode()
_, page = ask("GET", f"/admin/catalogue/campaigns?advertiser={advertiser}")
campaign = re.search(rb"/admin/catalogue/campaigns/([0-9a-f-]{36})", page)[1].decode()
_, page = ask("GET", "/admin/catalogue/publishers")
publisher = re.search(rb"/admin/catalogue/publishers/([0-9a-f-]{36})", page)[1].decode()
of = f"advertiser={advertiser}"
measure("Home", f"/admin/?{of}")
measure("polls", f"/admin/polls?{of}")
measure("audit", "/admin/audit")
measure("imports", f"/admin/imports?{of}")
measure("a publisher", f"/admin/catalogue/publishers/{publisher}")
measure("a campaign", f"/admin/catalogue/campaigns/{campaign}?{of}")
measure("campaigns, 20,000", f"/admin/catalogue/campaigns?advertiser={many}")
measure("stats, a week", f"/admin/stats?{of}&from=2024-12-25&to=2024-12-31")
measure("stats, all days", f"/admin/stats?{of}&from=2022-04-07&to=2024-12-31")
api = {"Authorization": f"ApiToken {token}"}
measure("general report, 1,000 days", "/api/v1/integrations/cost-report/json?date_from=2022-04-07&date_to=2024-12-31", api)
measure("Singular report, 1 day", "/api/v1/integrations/cost-report/singular/json?date_from=2024-12-31&date_to=2024-12-31", api)
