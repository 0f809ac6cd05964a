import { generationView, note } from "./state.mjs";
import { refuse } from "./server.mjs";

const page = (items) => ({ items, next: null });
const now = () => new Date().toISOString();

export const adminRoutes = [
  ["GET", "/admin/users", "owner", ({ state }) => page(state.users.map(({ id, email, name, role, created, blocked }) => ({ id, email, name, role, created, blocked })))],
  ["PATCH", "/admin/users/:id", "owner", ({ state, id, body, user }) => {
    note(state, user.email, "user-changed", id);
    return Object.assign(state.users.find((one) => one.id === id), body);
  }],
  ["POST", "/admin/invitations", "owner", ({ state, body, request, user }) => {
    const token = crypto.randomUUID();
    state.invitations.set(token, body.role);
    note(state, user.email, "invited", body.email ?? "");
    return { url: `http://${request.headers["x-forwarded-host"]}/sign-up?invitation=${token}` };
  }],
  ["GET", "/admin/rights", "owner", ({ state }) => page(state.rights)],
  ["PUT", "/admin/rights", "owner", ({ state, body, user }) => {
    const right = { id: crypto.randomUUID(), kinds: state.people[0].kinds, ...body };
    state.rights = [...state.rights.filter((one) => one.user_id !== body.user_id || one.version_id !== body.version_id), right];
    note(state, user.email, "right-given", body.user_id);
    return right;
  }],
  ["DELETE", "/admin/rights/:id", "owner", ({ state, id, user }) => {
    state.rights = state.rights.filter((one) => one.id !== id);
    note(state, user.email, "right-taken", id);
    return {};
  }],
  ["GET", "/admin/queue", "owner", ({ state }) => page(state.generations.filter(({ status }) => status === "queued" || status === "drawing").map((one) => generationView(state, one)))],
  ["GET", "/admin/people", "owner", ({ state }) => page(state.people.map(({ id, name, kinds, per_day, revoked }) => ({ id, name, kinds, per_day, ended: revoked })))],
  ["GET", "/admin/workers", "owner", () => page([
    { id: 1, seen: now() },
    { id: 2, seen: now() },
  ])],
  ["GET", "/admin/refusals", "owner", () => ({ prompts: [{ at: now(), by: "ben@example.org", reason: "explicit" }], pictures: { identity: 7, age: 1 } })],
  ["GET", "/admin/takedowns", "owner", ({ state }) => page(state.takedowns)],
  ["POST", "/admin/takedowns/:receipt", "owner", ({ state, receipt, body, user }) => {
    const report = state.takedowns.find((one) => one.receipt === receipt);
    if (!report) throw refuse(404, "not-there", "There is nothing here.");
    Object.assign(report, { decision: body.decision, decided: now(), by: user.email, withdrawn: body.decision === "withdraw" ? 1 : 0 });
    if (body.decision === "withdraw") state.pictures = state.pictures.filter(({ id }) => id !== report.picture_id);
    note(state, user.email, `takedown-${body.decision}`, receipt);
    return report;
  }],
  ["GET", "/admin/audit", "owner", ({ state }) => ({ file: Buffer.from(state.audit.map((line) => JSON.stringify(line) + "\n").join("")), type: "application/x-ndjson", headers: { "x-first-broken-line": "none" } })],
  ["GET", "/admin/storage", "owner", ({ state }) => ({ place: "file:///srv/gallery/pictures", pictures: state.pictures.length, to_erase: 0, database_bytes: 48_312_320 })],
  ["POST", "/admin/people/:id/link", "owner", ({ state, request }) => ({ url: `http://${request.headers["x-forwarded-host"]}/p/${state.portrayed}` })],
];
