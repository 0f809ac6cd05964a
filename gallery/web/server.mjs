// `next start`, but that a request which names another site in its first line gets 400. Next sends whoever asks there with
// an answer that a cache may keep (308), for it takes the two strokes of `http://` for a path that is to be tidied up.
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
const server = createServer((request, response) => {
  if (request.url?.startsWith("/")) void handle(request, response);
  else response.writeHead(400, { connection: "close" }).end();
});
server.listen(port, hostname, () => console.log(`Ready on http://${hostname}:${port}`));
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(0));
