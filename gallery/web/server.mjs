// `next start`, but that two kinds of request do not reach Next. One that names another site in its first line gets 400: Next
// sends whoever asks there with an answer that a cache may keep (308), for it takes the two strokes of `http://` for a path that
// is to be tidied up. One by a method that no page serves gets 405: Next breaks on TRACE (500), and reads the body of a POST.
import { createServer } from "node:http";
import { parseArgs } from "node:util";
import next from "next";

const { values } = parseArgs({ options: { hostname: { type: "string", short: "H", default: "127.0.0.1" }, port: { type: "string", short: "p", default: "3000" } } });
const { hostname } = values;
const port = Number(values.port);
process.env.NODE_ENV = "production";
const app = next({ dev: false, hostname, port });
await app.prepare();
const handle = app.getRequestHandler();
const PAGES = ["GET", "HEAD"];
const API = [...PAGES, "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const server = createServer((request, response) => {
  const served = /^\/api(?:[/?]|$)/.test(request.url) ? API : PAGES;
  if (!request.url.startsWith("/")) response.writeHead(400, { connection: "close" }).end();
  else if (!served.includes(request.method)) response.writeHead(405, { allow: served.join(", "), connection: "close" }).end();
  else void handle(request, response);
});
server.listen(port, hostname, () => console.log(`Ready on http://${hostname}:${port}`));
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(0));
