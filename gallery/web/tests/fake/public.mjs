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

const reportView = ({ receipt, status, reason, created, due, decided, decision, copies }) => ({ receipt, status, reason, created, due, decided, decision, copies });

export const publicRoutes = [
  ["GET", "/shared/:token", "public", (context) => {
    const { width, height, created, person } = shared(context);
    return { picture: { width, height, created }, person, marks: ["c2pa", "pixels", "xmp"] };
  }],
  ["GET", "/shared/:token/file", "public", (context) => ({ file: context.state.photographs[shared(context).photograph].full })],
  ["POST", "/shared/:token/takedown", "public", ({ state, token, body }) => {
    const share = state.shares.find((one) => one.token === token);
    const now = Date.now();
    const report = { receipt: crypto.randomUUID(), picture_id: share.picture_id, ...body, created: new Date(now).toISOString(), due: new Date(now + 48 * 3_600_000).toISOString(), status: "open", decided: null, decision: null, copies: 0, by: null };
    state.takedowns.unshift(report);
    note(state, body.email, "takedown-asked", report.receipt);
    return reportView(report);
  }],
  ["GET", "/takedowns/:receipt", "public", ({ state, receipt }) => {
    const report = state.takedowns.find((one) => one.receipt === receipt);
    if (!report) throw refuse(404, "not-there", "There is nothing here.");
    return reportView(report);
  }],
  ["GET", "/portrayed/:token", "public", (context) => {
    const person = portrayed(context);
    const { state, query } = context;
    const from = Number(query.get("cursor") ?? 0);
    const limit = Number(query.get("limit") ?? 60);
    const items = state.pictures.slice(from, from + limit).map(({ id, prompt, created, width, height, by }) => {
      const url = `/api/portrayed/${context.token}/pictures/${id}/file`;
      return { id, prompt, created, width, height, by, url, thumb_url: `${url}?size=thumb` };
    });
    const users = state.users.filter(({ id }) => state.rights.some((right) => right.user_id === id)).map(({ id, name }) => {
      const theirs = state.pictures.filter((one) => one.user_id === id);
      return { name, pictures: theirs.length, per_day: 200, last: theirs[0]?.created ?? null };
    });
    return {
      person: { id: person.id, name: person.name }, scope: "Record jade-2026 allows: training, generation, publication.", kinds: person.kinds, all_kinds: ["portrait", "everyday", "costume", "free"], per_day: person.per_day, revoked: person.revoked, gone: 4,
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
  ["POST", "/portrayed/:token/renew", "public", (context) => {
    portrayed(context);
    context.state.portrayed = "renewed-token";
    return { url: `http://${context.request.headers["x-forwarded-host"]}/p/renewed-token` };
  }],
  ["POST", "/portrayed/:token/revoke", "public", (context) => {
    const person = portrayed(context);
    const { state, body } = context;
    if (body.confirm !== person.name) throw refuse(422, "invalid", "The name does not match.");
    person.revoked = { id: crypto.randomUUID(), at: new Date().toISOString(), person: person.name, consent: "jade-2026", withdrawn: state.pictures.length, shares: state.shares.length, cancelled: 0, storage: state.pictures.length, listed: true };
    state.pictures = [];
    state.shares = [];
    note(state, "the person portrayed", "revoked", person.name);
    return person.revoked;
  }],
];
