// Posts bodies with Node's own clients, and says how often the expected answer came whole.
//
// usage: client.mjs CLIENT CA ROUNDS CASES
//   CLIENT  https: one kept connection; https-close: a connection for each request; http2: one session; http2-chunked: the same, and
//           the body in pieces without a length; fetch: HTTP/1.1 with a pool of its own (CA comes by NODE_EXTRA_CA_CERTS)
//   CASES   a file of lines "STATUS SIZE REGION URL"; REGION is sent as O-Region
// Says for each case "RECEIVED STATUS SIZE REGION URL" and the first problem.

import { readFileSync } from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import { Readable } from "node:stream";

const [client, caFile, rounds, casesFile] = process.argv.slice(2);
const ca = readFileSync(caFile);
const PATIENCE = 10_000;
const keepAlive = client !== "https-close";
const agents = { "http:": new http.Agent({ keepAlive }), "https:": new https.Agent({ keepAlive, ca }) };

function withHttps(url, region, body) {
  return new Promise((resolve, reject) => {
    const { protocol } = new URL(url);
    const module = protocol === "https:" ? https : http;
    const options = { method: "POST", agent: agents[protocol], headers: { "Content-Length": body.length, "O-Region": region } };
    const request = module.request(url, options, (answer) => {
      answer.on("error", reject);
      answer.on("end", () => resolve(answer.statusCode));
      answer.resume();
    });
    request.setTimeout(PATIENCE, () => request.destroy(new Error("no answer in time")));
    request.on("error", reject);
    request.end(body);
  });
}

let session = null;

function withHttp2(url, region, body) {
  const { origin, pathname } = new URL(url);
  if (!session || session.closed || session.destroyed || session.origin !== origin) {
    session?.close();
    const opened = http2.connect(origin, { ca });
    opened.origin = origin;
    // The requests themselves fail with it.
    opened.on("error", () => {});
    opened.on("goaway", () => { if (session === opened) session = null; });
    session = opened;
  }
  const used = session;
  return new Promise((resolve, reject) => {
    const headers = { ":method": "POST", ":path": pathname, "o-region": region };
    if (client === "http2") headers["content-length"] = body.length;
    const request = used.request(headers);
    let status = null;
    let whole = false;
    const late = setTimeout(() => { used.destroy(); reject(new Error("no answer in time")); }, PATIENCE);
    request.on("response", (headers) => { status = headers[":status"]; });
    request.on("end", () => { whole = true; });
    request.on("error", (error) => { used.destroy(); reject(error); });
    request.on("close", () => {
      clearTimeout(late);
      if (status !== null && whole) resolve(status);
      else reject(new Error(`closed with code ${request.rstCode}, status ${status}`));
    });
    request.resume();
    if (client === "http2") {
      request.end(body);
    } else {
      Readable.from(pieces(body)).pipe(request);
    }
  });
}

function* pieces(body) {
  for (let at = 0; at < body.length; at += 8192) yield body.subarray(at, at + 8192);
}

async function withFetch(url, region, body) {
  const options = { method: "POST", body, headers: { "O-Region": region }, redirect: "manual", signal: AbortSignal.timeout(PATIENCE) };
  const answer = await fetch(url, options);
  await answer.arrayBuffer();
  return answer.status;
}

const ask = {
  https: withHttps, "https-close": withHttps, http2: withHttp2, "http2-chunked": withHttp2, fetch: withFetch,
}[client];
const lines = readFileSync(casesFile, "ascii").trim().split("\n");
for (const [status, size, region, url] of lines.map((line) => line.split(" "))) {
  const body = Buffer.alloc(Number(size), "x");
  let received = 0;
  let problem = "";
  for (let number = 0; number < Number(rounds); number += 1) {
    try {
      const got = await ask(url, region, body);
      if (got === Number(status)) received += 1;
      else problem ||= `request ${number}: status ${got}`;
    } catch (error) {
      problem ||= `request ${number}: ${error.cause ?? error}`.replaceAll("\n", " ");
    }
  }
  console.log(`${received} ${status} ${size} ${region} ${url} ${problem}`);
}
process.exit(0);
