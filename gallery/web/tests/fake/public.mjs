// What needs no account: shared pictures, reports, and the page of the person portrayed.
import { note } from "./state.mjs";
import { refuse } from "./server.mjs";

function shared({ state, token, request }) {
  const share = state.shares.find((one) => one.token === token);
  const picture = share && state.pictures.find(({ id }) => id === share.picture_id);
  if (!picture) throw refuse(404, "not-there", "There is nothing here.");
  const given = decodeURIComponent(request.headers["x-share-password"] ?? "");
  if (share.password && given !== share.password) throw refuse(401, "password", "This picture has a password.");
  return picture;
}

function portrayed({ state, token }) {
  if (token !== state.portrayed) throw refuse(404, "not-there", "There is nothing here.");
  return state.people[0];
}

export const publicRoutes = [
  ["GET", "/shared/:token", "public", (context) => {
    const { width, height, created, person, prompt } = shared(context);
    return { picture: { width, height, created }, person, prompt, marks: ["C2PA manifest, signed", "IPTC: made by a trained network", "Mark in the pixels"] };
  }],
  ["GET", "/shared/:token/file", "public", (context) => ({ file: context.state.photographs[shared(context).photograph].full })],
  ["POST", "/shared/:token/takedown", "public", ({ state, token, body }) => {
    const share = state.shares.find((one) => one.token === token);
    const now = Date.now();
    const report = { receipt: crypto.randomUUID(), picture_id: share.picture_id, ...body, status: "open", created: new Date(now).toISOString(), due: new Date(now + 48 * 3_600_000).toISOString(), copies: 1 };
    state.takedowns.unshift(report);
    note(state, body.email, "takedown-asked", report.receipt);
    return { receipt: report.receipt };
  }],
  ["GET", "/takedowns/:receipt", "public", ({ state, receipt }) => {
    const report = state.takedowns.find((one) => one.receipt === receipt);
    if (!report) throw refuse(404, "not-there", "There is nothing here.");
    const { status, created, due, reason, copies, decided = null } = report;
    return { receipt, status, reason, created, due, decided, copies };
  }],
  ["GET", "/portrayed/:token", "public", (context) => {
    const person = portrayed(context);
    const { state, query } = context;
    const from = Number(query.get("cursor") ?? 0);
    const limit = Number(query.get("limit") ?? 60);
    const items = state.pictures.slice(from, from + limit).map(({ id, prompt, created, width, height, by }) => ({ id, prompt, created, width, height, by }));
    const users = state.users.filter(({ id }) => state.rights.some((right) => right.user_id === id)).map(({ id, name }) => {
      const theirs = state.pictures.filter((one) => one.user_id === id);
      return { name, pictures: theirs.length, last: theirs[0]?.created ?? null };
    });
    return {
      person: { id: person.id, name: person.name }, scope: "Pictures of jade, adult and clothed, for the users named here, until you withdraw. Never explicit, never political, never sold.",
      kinds: person.kinds, all_kinds: ["portrait", "everyday", "costume", "free"], per_day: person.per_day, revoked: person.revoked,
      pictures: { items, next: from + limit < state.pictures.length ? String(from + limit) : null }, users,
    };
  }],
  ["GET", "/portrayed/:token/pictures/:id/file", "public", (context) => {
    portrayed(context);
    const picture = context.state.pictures.find(({ id }) => id === context.id);
    if (!picture) throw refuse(404, "not-there", "There is nothing here.");
    return { file: context.state.photographs[picture.photograph].thumb };
  }],
  ["POST", "/portrayed/:token/narrow", "public", (context) => {
    const { kinds, per_day } = context.body;
    Object.assign(portrayed(context), { kinds, per_day });
    note(context.state, "the person portrayed", "narrowed", kinds.join(" "));
    return {};
  }],
  ["POST", "/portrayed/:token/revoke", "public", (context) => {
    const person = portrayed(context);
    const { state, body } = context;
    if (body.confirm !== person.name) throw refuse(422, "invalid", "The name does not match.");
    person.revoked = { receipt: crypto.randomUUID(), person: person.name, withdrawn: state.pictures.length, shares: state.shares.length, storage: 2 * state.pictures.length, at: new Date().toISOString() };
    state.pictures = [];
    state.shares = [];
    note(state, "the person portrayed", "revoked", person.name);
    return person.revoked;
  }],
];
