"""Starts a server, and says after how many milliseconds /readyz answers: start.py COMMAND..."""

import http.client
import subprocess
import sys
import time

address = sys.argv[sys.argv.index("--listen") + 1]
began = time.monotonic()
server = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    while True:
        try:
            connection = http.client.HTTPConnection(address, timeout=5)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                break
        except OSError:
            if time.monotonic() - began > 30:
                raise
            time.sleep(0.0005)
    print(f"{(time.monotonic() - began) * 1000:.0f} ms")
finally:
    server.terminate()
    server.wait()
