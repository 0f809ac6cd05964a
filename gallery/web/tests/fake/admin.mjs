import { note } from "./state.mjs";
import { refuse } from "./server.mjs";

const page = (items) => ({ items, next: null });
const now = () => new Date().toISOString();
const userName = (state, id) => state.users.find((one) => one.id === id)?.name ?? "?";

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
  ["GET", "/admin/rights", "owner", ({ state }) => page(state.rights.map((right) => ({ ...right, user: userName(state, right.user_id), person: "jade", version: state.people[0].versions.find(({ id }) => id === right.version_id).name, used_today: 0 })))],
  ["PUT", "/admin/rights", "owner", ({ state, body, user }) => {
    state.rights = [...state.rights.filter((one) => one.user_id !== body.user_id || one.version_id !== body.version_id), body];
    note(state, user.email, "right-given", body.user_id);
    return body;
  }],
  ["DELETE", "/admin/rights", "owner", ({ state, query, user }) => {
    state.rights = state.rights.filter((one) => one.user_id !== query.get("user_id") || one.version_id !== query.get("version_id"));
    note(state, user.email, "right-taken", query.get("user_id"));
    return {};
  }],
  ["GET", "/admin/queue", "owner", ({ state }) => page(state.generations.filter(({ status }) => status === "queued" || status === "drawing").map(({ id, user_id, person, kind, status, created }) => ({ id, created, user: userName(state, user_id), person, kind, status, place: status === "queued" ? 1 : null })))],
  ["GET", "/admin/workers", "owner", () => page([
    { id: "embedded", kind: "diffusers", status: "ready", seen: now(), drawing: 1, done: 412, failed: 0 },
    { id: "gpu-1.example.org:8188", kind: "comfyui", status: "draining", seen: now(), drawing: 0, done: 9120, failed: 3 },
  ])],
  ["GET", "/admin/refusals", "owner", () => page([
    { id: "1", created: now(), user: "Ben Member", person: "jade", reason: "explicit", prompt: "(not kept)" },
    { id: "2", created: now(), user: "Ben Member", person: "jade", reason: "age", prompt: "(not kept)" },
  ])],
  ["GET", "/admin/takedowns", "owner", ({ state }) => page(state.takedowns)],
  ["POST", "/admin/takedowns/:receipt", "owner", ({ state, receipt, body, user }) => {
    const report = state.takedowns.find((one) => one.receipt === receipt);
    if (!report) throw refuse(404, "not-there", "There is nothing here.");
    Object.assign(report, { status: body.decision === "remove" ? "removed" : "kept", decided: now() });
    if (body.decision === "remove") state.pictures = state.pictures.filter(({ id }) => id !== report.picture_id);
    note(state, user.email, `takedown-${report.status}`, receipt);
    return report;
  }],
  ["GET", "/admin/audit", "owner", ({ state }) => page([...state.audit].reverse())],
  ["GET", "/admin/storage", "owner", ({ state }) => page(state.users.map(({ id, name }) => {
    const pictures = state.pictures.filter((one) => one.user_id === id).length;
    return { user: name, pictures, bytes: pictures * 1_345_000 };
  }))],
  ["POST", "/admin/people/:id/link", "owner", ({ state, request }) => ({ url: `http://${request.headers["x-forwarded-host"]}/p/${state.portrayed}` })],
];
