"""A person at the pages of a server: log-in, the median time of fifteen requests, forms."""

import http.client
import re
import statistics
import time
import urllib.parse


class Pages:
    def __init__(self, origin, email, password):
        self.origin, self.cookies = origin, {}
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(origin).netloc, timeout=600)
        _, page = self.ask("GET", "/admin/login")
        answer, _ = self.ask("POST", "/admin/login", {"form_token": form_token(page), "email": email, "password": password})
        assert answer.status == 303, answer.status

    @staticmethod
    def is_ready(origin):
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(origin).netloc, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def ask(self, method, path, form=None, headers=None):
        headers = {**(headers or {}), "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        body = None
        if form is not None:
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.origin}
            body = urllib.parse.urlencode(form)
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, value = cookie.split(";")[0].split("=", 1)
            self.cookies[name] = value
        return answer, text

    def median(self, path, headers=None):
        """Milliseconds, and the size of the answer."""
        times = []
        for _ in range(15):
            began = time.perf_counter()
            answer, text = self.ask("GET", path, headers=headers)
            times.append(time.perf_counter() - began)
            assert answer.status == 200, (path, answer.status, text[:300])
        return statistics.median(times) * 1000, len(text)

    def places(self):
        """The queries of three advertisers, and the ids of a campaign and a publisher."""
        id = rb"([0-9a-f-]{36})"
        _, page = self.ask("GET", "/admin/catalogue/advertisers")
        of = {name: re.search(rb"advertisers/" + id + rb"[^<]*>\s*" + name + rb"\s*<", page)[1].decode()
              for name in (b"Advertiser 1", b"Advertiser 2", b"Many campaigns")}
        one, two, many = (f"advertiser={id}" for id in of.values())
        _, page = self.ask("GET", f"/admin/catalogue/campaigns?{one}")
        campaign = re.search(rb"/admin/catalogue/campaigns/" + id, page)[1].decode()
        _, page = self.ask("GET", "/admin/catalogue/publishers")
        return one, two, many, campaign, re.search(rb"/admin/catalogue/publishers/" + id, page)[1].decode()

    def rename(self, path, of):
        """Milliseconds of saving another name, median of five."""
        times = []
        for number in range(5):
            _, page = self.ask("GET", f"{path}?{of}")
            form = dict(fields(page))
            form["name"] = f"{form['name'].split(' renamed')[0]} renamed {number}"
            began = time.perf_counter()
            answer, text = self.ask("POST", f"{path}?{of}", form)
            times.append(time.perf_counter() - began)
            assert answer.status == 303, (path, answer.status, text[:2000])
        return statistics.median(times) * 1000


def form_token(page):
    return re.search(rb'name="form_token" value="([^"]+)"', page)[1].decode()


def fields(page):
    """Names and values of the form that has a name in it."""
    form = next(form for form in re.findall(rb"<form.*?</form>", page, re.S) if b'name="name"' in form).decode()
    for tag in re.findall(r"<input[^>]*>", form):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        is_off = 'type="checkbox"' in tag and "checked" not in tag
        if name and not is_off and 'type="submit"' not in tag:
            yield name[1], value[1] if value else ""
    for name, options in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', form, re.S):
        chosen = re.search(r'<option[^>]*value="([^"]*)"[^>]*selected', options) or re.search(r'value="([^"]*)"', options)
        yield name, chosen[1] if chosen else ""
