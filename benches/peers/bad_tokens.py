"""A wrk script of requests with tokens that are well-formed, name a known id and hold a wrong secret: bad_tokens.py TOKEN COUNT."""

import random
import sys
import zlib

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
known = sys.argv[1].strip()[: len("plt_") + 16 + 1]


def token() -> str:
    body = known + "".join(random.choices(DIGITS, k=43))
    check, rest = "", zlib.crc32(body.encode())
    for _ in range(6):
        check, rest = DIGITS[rest % 62] + check, rest // 62
    return body + check


print("local tokens = {")
for _ in range(int(sys.argv[2])):
    print(f'  "ApiToken {token()}",')
print("}\nlocal at = 0")
print("function request()\n  at = at % #tokens + 1")
print('  return wrk.format("GET", nil, { ["Authorization"] = tokens[at] })\nend')
