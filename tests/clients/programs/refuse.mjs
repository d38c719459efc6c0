// Answers 413 before the body has come, and closes. usage: refuse.mjs PORT

import http from "node:http";

const server = http.createServer((request, response) => {
  response.writeHead(413, { "Content-Type": "text/plain", Connection: "close" });
  response.end("too large\n");
});
server.listen(Number(process.argv[2]), "127.0.0.1");
