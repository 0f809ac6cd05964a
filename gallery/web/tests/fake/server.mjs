// A gallery's API on this machine for the browser tests: the contract's shapes, held in memory.
import { createServer } from "node:http";
import { randomUUID } from "node:crypto";
import { photographs } from "./photographs.mjs";
import { routes } from "./routes.mjs";
import { makeState } from "./state.mjs";

const CSRF = "fake-csrf";
export const refuse = (status, reason, sentence, remedy = "") => Object.assign(new Error(sentence), { status, reason, sentence, remedy });

function cookieOf(request) {
  return /(?:^|; )session=([\w-]+)/.exec(request.headers.cookie ?? "")?.[1];
}

async function bodyOf(request) {
  let text = "";
  for await (const part of request) text += part;
  return text ? JSON.parse(text) : {};
}

async function answer(state, request, response) {
  const url = new URL(request.url, "http://fake");
  const cookie = cookieOf(request);
  const user = state.users.find(({ id, disabled }) => id === state.cookies.get(cookie)?.user && !disabled) ?? null;
  const unsafe = request.method !== "GET";
  if (unsafe && request.headers["x-csrf"] !== CSRF) throw refuse(403, "csrf", "This request did not come from our own page.");
  for (const [method, pattern, access, act] of routes) {
    const match = method === request.method && new RegExp(`^/api${pattern.replaceAll(/:(\w+)/g, "(?<$1>[^/]+)")}$`).exec(url.pathname);
    if (!match) continue;
    if (access !== "public" && !user) throw refuse(401, "sign-in", "You are not signed in.", "Sign in.");
    if (access === "owner" && user.role !== "owner") throw refuse(403, "not-allowed", "This is not yours to do.");
    const names = Object.fromEntries(Object.entries(match.groups ?? {}).map(([name, value]) => [name, decodeURIComponent(value)]));
    const setCookie = (owner) => {
      const made = randomUUID();
      state.cookies.set(made, { id: randomUUID(), user: owner, agent: request.headers["user-agent"], at: new Date().toISOString() });
      response.setHeader("set-cookie", `session=${made}; HttpOnly; SameSite=Lax; Path=/`);
    };
    const body = unsafe ? await bodyOf(request) : {};
    return act({ state, user, cookie, csrf: CSRF, setCookie, request, response, query: url.searchParams, body, ...names });
  }
  throw refuse(404, "not-there", "There is nothing here.");
}

function send(response, status, body, headers = {}) {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body ?? {}));
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store", ...headers, "content-length": bytes.length });
  response.end(bytes);
}

/** Starts the fake; gives {url, state, reset, stop}. */
export async function startFake(port = 0) {
  const pictures = await photographs();
  const state = makeState(pictures);
  const server = createServer((request, response) => {
    answer(state, request, response)
      .then((result) => {
        if (result === "open") return;
        if (result?.file) send(response, 200, result.file, { "content-type": result.type ?? "image/jpeg", "cache-control": "private, max-age=60" });
        else if (result?.body) send(response, result.status, result.body);
        else send(response, 200, result);
      })
      .catch((error) => {
        const { status = 500, reason = "fault", sentence = String(error), remedy = "" } = error;
        if (status === 500) console.error(error);
        send(response, status, { error: { reason, sentence, remedy } });
      });
  });
  await new Promise((done) => server.listen(port, "127.0.0.1", done));
  const still = () => state.generations.forEach(({ timer }) => clearTimeout(timer));
  const reset = () => {
    still();
    Object.assign(state, makeState(pictures));
  };
  const stop = () => {
    still();
    server.closeAllConnections();
    return new Promise((done) => server.close(done));
  };
  return { url: `http://127.0.0.1:${server.address().port}`, state, reset, stop };
}
