import { generationView, note } from "./state.mjs";
import { refuse } from "./server.mjs";

const page = (items) => ({ items, next: null });
const now = () => new Date().toISOString();

export const adminRoutes = [
  ["GET", "/admin/users", "owner", ({ state }) => page(state.users.map(({ id, email, name, role, created, disabled }) => ({ id, email, name, role, created, disabled, pictures: state.pictures.filter((one) => one.user_id === id).length })))],
  ["PATCH", "/admin/users/:id", "owner", ({ state, id, body, user }) => {
    note(state, user.email, "user-changed", id);
    return Object.assign(state.users.find((one) => one.id === id), body);
  }],
  ["POST", "/admin/invitations", "owner", ({ state, body, request, user }) => {
    const token = crypto.randomUUID();
    state.invitations.set(token, body.role);
    note(state, user.email, "invited", body.email ?? "");
    return { url: `http://${request.headers["x-forwarded-host"]}/invitation#token=${token}`, expires: new Date(Date.now() + 7 * 86_400_000).toISOString() };
  }],
  ["GET", "/admin/rights", "owner", ({ state }) => page(state.rights.map((right) => ({ ...right, user: state.users.find(({ id }) => id === right.user_id).name, person: "jade", version: state.people[0].versions.find(({ id }) => id === right.version_id).name, used_today: 0 })))],
  ["PUT", "/admin/rights", "owner", ({ state, body, user }) => {
    const right = { id: crypto.randomUUID(), kinds: state.people[0].kinds, ...body };
    state.rights = [...state.rights.filter((one) => one.user_id !== body.user_id || one.version_id !== body.version_id), right];
    note(state, user.email, "right-given", body.user_id);
    return right;
  }],
  ["DELETE", "/admin/rights", "owner", ({ state, query, user }) => {
    state.rights = state.rights.filter((one) => one.user_id !== query.get("user_id") || one.version_id !== query.get("version_id"));
    note(state, user.email, "right-taken", query.get("user_id"));
    return {};
  }],
  ["GET", "/admin/queue", "owner", ({ state }) => page(state.generations.filter(({ status }) => status === "queued" || status === "drawing").map((one) => ({ ...generationView(state, one), user: state.users.find(({ id }) => id === one.user_id).name })))],
  ["GET", "/admin/people", "owner", ({ state }) => page(state.people.map(({ id, name, versions, kinds, per_day, revoked }) => ({ id, name, versions, kinds, per_day, ended: revoked })))],
  ["GET", "/admin/workers", "owner", () => page([
    { id: 1, seen: now(), status: "working", drawing: 1 },
    { id: 2, seen: now(), status: "silent", drawing: 0 },
  ])],
  ["GET", "/admin/refusals", "owner", () => page([{ id: "1", created: now(), user: "ben@example.org", person: null, reason: "explicit", prompt: null }, { id: "2", created: now(), user: "Ben Member", person: "jade", reason: "identity", prompt: "jade woman, on a train" }])],
  ["GET", "/admin/takedowns", "owner", ({ state }) => page(state.takedowns)],
  ["POST", "/admin/takedowns/:receipt", "owner", ({ state, receipt, body, user }) => {
    const report = state.takedowns.find((one) => one.receipt === receipt);
    if (!report) throw refuse(404, "not-there", "There is nothing here.");
    Object.assign(report, { status: body.decision === "remove" ? "removed" : "kept", decision: body.decision, decided: now(), by: user.email, copies: body.decision === "remove" ? 1 : 0 });
    if (body.decision === "remove") state.pictures = state.pictures.filter(({ id }) => id !== report.picture_id);
    note(state, user.email, `takedown-${body.decision}`, receipt);
    return report;
  }],
  ["GET", "/admin/payments", "owner", ({ state }) => page(state.payments)],
  ["POST", "/admin/refunds", "owner", ({ state, body, user }) => {
    const payment = state.payments.find(({ id }) => id === body.payment);
    if (body.cents > payment.cents - payment.refunded) throw refuse(409, "credits", "Less can go back.", "Ask for less.");
    payment.refunded += body.cents;
    note(state, user.email, "refund", payment.id);
    return { status: 201, body: { id: body.attempt, payment: payment.id, cents: body.cents, status: "done" } };
  }],
  ["GET", "/admin/audit", "owner", ({ state }) => ({ items: [...state.audit].reverse(), whole: true, next: null })],
  ["GET", "/admin/storage", "owner", ({ state }) => ({ place: "file:///srv/gallery/pictures", bytes: state.pictures.length * 1_345_000, pictures: state.pictures.length, to_erase: 0, items: [{ user: "Ada Owner", pictures: state.pictures.length, bytes: state.pictures.length * 1_345_000 }], next: null })],
  ["POST", "/admin/people/:id/link", "owner", ({ state, request }) => ({ url: `http://${request.headers["x-forwarded-host"]}/p/${state.portrayed}` })],
];
