"""Posts bodies with Python's own clients, and says how often the expected answer came whole.

usage: client.py CLIENT CA ROUNDS CASES
  CLIENT  http.client: one connection for all of a case, opened again when an answer says that it ends;
          http.client-chunked: the same, and the body in chunks;
          urllib: a connection for each request
  CASES   a file of lines "STATUS SIZE REGION URL"; REGION is sent as O-Region
Says for each case "RECEIVED STATUS SIZE REGION URL" and the first problem.
"""

import http.client
import ssl
import sys
import urllib.error
import urllib.request
from urllib.parse import urlsplit

CLIENT, CA, ROUNDS, CASES = sys.argv[1:]
TRUST = ssl.create_default_context(cafile=CA)
PATIENCE = 10


def connection(url):
    if url.scheme == "http":
        return http.client.HTTPConnection(url.hostname, url.port, timeout=PATIENCE)
    return http.client.HTTPSConnection(url.hostname, url.port, timeout=PATIENCE, context=TRUST)


def with_http_client(url, region, body, open_connection):
    target = url.path or "/"
    if CLIENT == "http.client":
        open_connection.request("POST", target, body, {"O-Region": region})
    else:
        pieces = (body[at : at + 8192] for at in range(0, len(body), 8192))
        fields = {"O-Region": region, "Transfer-Encoding": "chunked"}
        open_connection.request("POST", target, pieces, fields, encode_chunked=True)
    answer = open_connection.getresponse()
    answer.read()
    return answer.status


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


OPENER = urllib.request.build_opener(
    urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=TRUST), NoRedirect
)


def with_urllib(url, region, body):
    try:
        with OPENER.open(urllib.request.Request(url, body, {"O-Region": region}), timeout=PATIENCE) as answer:
            answer.read()
            return answer.status
    except urllib.error.HTTPError as error:
        error.read()
        return error.code


def main():
    with open(CASES, encoding="ascii") as lines:
        cases = [line.split() for line in lines]
    for status, size, region, url in cases:
        body, received, problem = b"x" * int(size), 0, ""
        kept = connection(urlsplit(url))
        for number in range(int(ROUNDS)):
            try:
                if CLIENT == "urllib":
                    got = with_urllib(url, region, body)
                else:
                    got = with_http_client(urlsplit(url), region, body, kept)
                if got == int(status):
                    received += 1
                else:
                    problem = problem or f"request {number}: status {got}"
            except (OSError, http.client.HTTPException) as error:
                problem = problem or f"request {number}: {error!r}"
                kept.close()
        kept.close()
        print(received, status, size, region, url, problem, flush=True)


main()
