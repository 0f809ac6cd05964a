import { adminRoutes } from "./admin.mjs";
import { publicRoutes } from "./public.mjs";
import { generate, generationView, note, seen, tell } from "./state.mjs";
import { refuse } from "./server.mjs";

const own = (state, user, id) => {
  const picture = state.pictures.find((one) => one.id === id && one.user_id === user.id);
  if (!picture) throw refuse(404, "not-there", "There is nothing here.");
  return picture;
};
const run = (state, user, id) => {
  const found = state.generations.find((one) => one.id === id && one.user_id === user.id);
  if (!found) throw refuse(404, "not-there", "There is nothing here.");
  return found;
};
export const userView = ({ id, email, name, role }) => ({ id, email, name, role });
const session = (state, user, csrf) => ({ user: user && userView(user), csrf, settings: { open_sign_up: false, money: state.money, passkeys: true } });

function listPictures({ state, user, query }) {
  const [limit, cursor, search] = [Number(query.get("limit") ?? 50), query.get("cursor"), query.get("search")?.toLowerCase()];
  const wanted = (one) =>
    one.user_id === user.id &&
    (!search || one.prompt.toLowerCase().includes(search)) &&
    (!query.get("favourite") || one.favourite) &&
    (!query.get("album") || one.albums.includes(query.get("album"))) &&
    (!query.get("from") || one.created >= query.get("from")) &&
    (!query.get("to") || one.created <= query.get("to"));
  let at = cursor ? state.pictures.findIndex(({ id }) => id === cursor) + 1 : 0;
  const items = [];
  for (; at < state.pictures.length && items.length < limit; at++) if (wanted(state.pictures[at])) items.push(state.pictures[at]);
  return { items: items.map(seen), next: at < state.pictures.length ? items.at(-1).id : null };
}

function peopleOf({ state, user }) {
  return state.people.flatMap((person) => {
    const right = state.rights.find((one) => one.user_id === user.id && person.versions.some(({ id }) => id === one.version_id));
    if (!right || person.revoked) return [];
    const used_today = state.generations.filter((one) => one.user_id === user.id).reduce((sum, one) => sum + one.count, 0);
    const shown = { per_day: right.per_day, until: right.until, used_today, kinds: right.kinds.filter((kind) => person.kinds.includes(kind)) };
    return [{ id: person.id, name: person.name, cover_url: null, versions: person.versions.map((version) => ({ ...version, right: shown })) }];
  });
}

export const routes = [
  ["GET", "/session", "public", ({ state, user, csrf, cookie, setCookie }) => (cookie || setCookie(null), session(state, user, csrf))],
  ["POST", "/sign-in", "public", ({ state, body, setCookie, csrf }) => {
    const user = state.users.find(({ email, password, disabled }) => email === body.email && password === body.password && !disabled);
    if (!user) throw refuse(401, "sign-in", "Address and password do not go together.", "Try again.");
    setCookie(user.id);
    return session(state, user, csrf);
  }],
  ["POST", "/sign-up", "public", ({ state, body, setCookie, csrf }) => {
    const role = state.invitations.get(body.invitation);
    if (!role) throw refuse(403, "not-allowed", "Whoever comes here is invited.", "Ask an owner of this gallery.");
    const user = { id: crypto.randomUUID(), ...body, role, created: new Date().toISOString(), disabled: false };
    state.users.push(user);
    state.invitations.delete(body.invitation);
    setCookie(user.id);
    return session(state, user, csrf);
  }],
  ["POST", "/sign-out", "public", ({ state, cookie, setCookie, csrf }) => (state.cookies.delete(cookie), setCookie(null), session(state, null, csrf))],
  ["POST", "/password/forgot", "public", () => ({ status: 202, body: { sent: true } })],
  ["POST", "/password/reset", "public", ({ state, csrf }) => session(state, null, csrf)],
  ["GET", "/sessions", "user", ({ state, user, cookie }) => ({
    items: [...state.cookies].filter(([, one]) => one.user === user.id).map(([key, { id, agent, at }]) => ({ id, agent, created: at, seen: at, this: key === cookie })), next: null,
  })],
  ["DELETE", "/sessions/:id", "user", ({ state, id }) => {
    for (const [key, one] of state.cookies) if (one.id === id) state.cookies.delete(key);
    return { ended: id };
  }],
  ["GET", "/passkeys", "user", () => ({ items: [{ id: "1", name: "Ada's phone", created: new Date().toISOString(), used: null }], next: null })],
  ["GET", "/people", "user", peopleOf],
  ["GET", "/presets", "user", () => [
    { id: "portrait", title: "Portrait", kind: "portrait", prompt: "head and shoulders photo, facing the camera, neutral expression" },
    { id: "smile", title: "A smile", kind: "portrait", prompt: "head and shoulders photo, smiling" },
    { id: "library", title: "In a library", kind: "everyday", prompt: "in a library, reading, warm light" },
    { id: "stage", title: "On a stage", kind: "costume", prompt: "on a stage in a long red coat, spotlight" },
  ]],
  ["POST", "/generations", "user", ({ state, user, body }) => {
    if (/\bnaked\b/.test(body.prompt)) throw refuse(422, "explicit", "The prompt asks for explicit material.", "Write it without.");
    if (state.people.some(({ revoked }) => revoked)) throw refuse(403, "consent", "No consent in force covers this.", "Ask an owner of this gallery.");
    const made = state.generations.find(({ attempt }) => attempt && attempt === body.attempt);
    return { status: 202, body: generationView(state, made ?? generate(state, user, body)) };
  }],
  ["GET", "/generations", "user", ({ state, user }) => ({ items: state.generations.filter((one) => one.user_id === user.id).slice(0, 20).map((one) => generationView(state, one)), next: null })],
  ["POST", "/generations/:id/cancel", "user", ({ state, user, id }) => {
    const found = run(state, user, id);
    clearTimeout(found.timer);
    found.status = "cancelled";
    tell(state, found);
    return generationView(state, found);
  }],
  ["GET", "/events", "user", ({ state, user, response }) => {
    if (state.refuseStreams-- > 0) throw refuse(503, "database", "This does not work just now.", "Try again in a moment.");
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache, no-transform" });
    response.write(": open\n\n");
    const stream = { user: user.id, response };
    state.streams.add(stream);
    response.on("close", () => state.streams.delete(stream));
    return "open";
  }],
  ["GET", "/pictures", "user", listPictures],
  ["GET", "/pictures/:id/file", "user", ({ state, user, id, query }) => ({ file: state.photographs[own(state, user, id).photograph][query.get("size") ?? "full"] })],
  ["DELETE", "/pictures/:id", "user", ({ state, user, id }) => {
    const { prompt } = own(state, user, id);
    state.pictures = state.pictures.filter((one) => one.id !== id);
    note(state, user.email, "picture-deleted", id);
    return { receipt: crypto.randomUUID(), picture_id: id, prompt, erased: ["picture", "thumbnail"], at: new Date().toISOString(), sha256: "9f2c".repeat(16) };
  }],
  ["PUT", "/pictures/:id/favourite", "user", ({ state, user, id }) => ({ favourite: (own(state, user, id).favourite = true) })],
  ["DELETE", "/pictures/:id/favourite", "user", ({ state, user, id }) => ({ favourite: (own(state, user, id).favourite = false) })],
  ["POST", "/pictures/zip", "user", ({ state, user, body }) => ({ file: Buffer.concat(body.ids.map((id) => state.photographs[own(state, user, id).photograph].thumb)), type: "application/zip" })],
  ["POST", "/pictures/:id/upscale", "user", ({ state, user, id }) => {
    const { prompt } = own(state, user, id);
    return { status: 202, body: generationView(state, generate(state, user, { version_id: state.people[0].versions[0].id, prompt, count: 1, strength: 1, aspect: "portrait", kind: "upscale" })) };
  }],
  ["GET", "/albums", "user", ({ state }) => ({ items: state.albums, next: null })],
  ["POST", "/albums", "user", ({ state, body }) => (state.albums.push({ id: crypto.randomUUID(), title: body.title, pictures: 0 }), state.albums.at(-1))],
  ["PATCH", "/albums/:id", "user", ({ state, id, body }) => Object.assign(state.albums.find((one) => one.id === id), body)],
  ["DELETE", "/albums/:id", "user", ({ state, id }) => ({ albums: (state.albums = state.albums.filter((one) => one.id !== id)).length })],
  ["PUT", "/albums/:id/pictures/:picture", "user", ({ state, user, id, picture }) => ({ albums: (own(state, user, picture).albums = [...new Set([...own(state, user, picture).albums, id])]) })],
  ["DELETE", "/albums/:id/pictures/:picture", "user", ({ state, user, id, picture }) => ({ albums: (own(state, user, picture).albums = own(state, user, picture).albums.filter((one) => one !== id)) })],
  ["POST", "/pictures/:id/shares", "user", ({ state, user, id, body, request }) => {
    own(state, user, id);
    const token = crypto.randomUUID();
    const share = { id: crypto.randomUUID(), token, url: `http://${request.headers["x-forwarded-host"]}/s/${token}`, expires: new Date(Date.now() + body.expires_hours * 3_600_000).toISOString(), picture_id: id, password: body.password ?? null };
    state.shares.push(share);
    return { id: share.id, url: share.url, expires: share.expires };
  }],
  ["GET", "/shares", "user", ({ state }) => ({ items: state.shares.map(({ id, picture_id, expires, password }) => ({ id, picture_id, created: expires, expires, password: password !== null, held: false })), next: null })],
  ["DELETE", "/shares/:id", "user", ({ state, id }) => ({ shares: (state.shares = state.shares.filter((one) => one.id !== id)).length })],
  ["GET", "/money", "user", ({ state }) => {
    const created = new Date().toISOString();
    return { enabled: state.money, balance: 48.5, price: 0.5, sells: true, free_below: 0.45, entries: [{ id: 3, created, text: "Pictures asked for", amount: -2, balance: 48.5 }, { id: 2, created, text: "Given back", amount: 0.5, balance: 50.5 }, { id: 1, created, text: "Paid", amount: 50, balance: 50 }] };
  }],
  ["POST", "/money/checkout", "user", ({ state, body }) => {
    state.checkouts.push(body);
    return { status: 201, body: { url: "/money?paid=1" } };
  }],
  ["GET", "/money/calculator", "user", () => ({ price: 0.5, pictures_per_day: 500, fixed_per_month: 180, seconds_per_picture: 6.2, usd_per_hour: 0, fee_share: 0.029, fee_fixed: 0.3, pictures_per_payment: 20, refund_share: 0.02 })],
  ...publicRoutes,
  ...adminRoutes,
];
