// What the fake gallery holds: enough of the contract for the pages, and nothing of its protection.
import { createHash, randomUUID } from "node:crypto";

const DAY = 86_400_000;
export const iso = (time) => new Date(time).toISOString();

const PROMPTS = [
  "jade woman, in a library, reading, warm light",
  "jade woman, head and shoulders photo, smiling",
  "jade woman, in a red coat, in front of a lighthouse, evening light",
  "jade woman, at a market, laughing, morning sun",
  "jade woman, on a stage in a long coat, spotlight",
  "jade woman, on a train, looking out of the window",
];

export function makeState(photographs) {
  const owner = { id: randomUUID(), email: "ada@example.org", name: "Ada Owner", role: "owner", password: "correct horse", created: iso(Date.now() - 200 * DAY), disabled: false };
  const version = (name) => ({ id: randomUUID(), name, trigger: "jade", class_word: "woman", created: iso(Date.now() - 30 * DAY) });
  const jade = { id: randomUUID(), name: "jade", versions: [version("v2"), version("v1")], kinds: ["portrait", "everyday", "costume", "free"], per_day: null, revoked: null };
  const state = {
    photographs, users: [owner], cookies: new Map(), people: [jade], generations: [], pictures: [], albums: [], shares: [], takedowns: [],
    audit: [], checkouts: [], invitations: new Map(), streams: new Set(), portrayed: "portrayed-token", money: true, pace: 400, refuse: 0, refuseStreams: 0,
  };
  const dispute = (state) => ({ id: `dp_${state}`, cents: 2500, reason: "product_not_received", state, due: iso(Date.now() + 7 * DAY) });
  state.payments = ["open", "inquiry", "lost", null].map((one, index) => ({ id: `cs_${index}`, email: owner.email, cents: 2500, refunded: one ? 0 : 500, at: iso(Date.now() - index * DAY), disputes: one ? [dispute(one)] : [] }));
  state.rights = [{ id: randomUUID(), user_id: owner.id, version_id: jade.versions[0].id, per_day: 200, until: null, kinds: [...jade.kinds] }];
  return state;
}

export function note(state, actor, action, subject) {
  const last = state.audit.at(-1);
  const entry = { seq: state.audit.length + 1, at: iso(Date.now()), actor, action, subject };
  state.audit.push({ ...entry, hash: createHash("sha256").update((last?.hash ?? "") + JSON.stringify(entry)).digest("hex") });
}

export function addPicture(state, user, generation, time, index = state.pictures.length) {
  const photograph = index % state.photographs.length;
  const { width, height } = state.photographs[photograph];
  const id = randomUUID();
  const picture = {
    id, generation_id: generation.id, person: generation.person, prompt: generation.prompt, seed: (generation.seed ?? 1000) + index, width, height,
    created: iso(time), favourite: false, albums: [], likeness: 0.7 + (index % 20) / 100, thumb_url: `/api/pictures/${id}/file?size=thumb`,
    url: `/api/pictures/${id}/file?size=full`,
  };
  const held = { ...picture, user_id: user.id, by: user.name, photograph };
  state.pictures.unshift(held);
  return held;
}

/** So many pictures of the past, newest first, about 60 a day. */
export function fill(state, count, user = state.users[0]) {
  const now = Date.now() - 60_000;
  for (let index = count - 1; index >= 0; index--) {
    const generation = { id: randomUUID(), person: "jade", prompt: PROMPTS[index % PROMPTS.length], seed: 5 * index };
    const picture = addPicture(state, user, generation, now - index * (DAY / 60), index);
    picture.favourite = index % 17 === 3;
  }
}

export const seen = ({ user_id: _user, by: _by, photograph: _photograph, ...picture }) => picture;

export function generationView(state, run) {
  const queued = state.generations.filter(({ status }) => status === "queued").reverse();
  const running = run.status === "queued" || run.status === "drawing";
  return {
    ...Object.fromEntries(Object.entries(run).filter(([name]) => !["user_id", "timer", "preset", "like", "attempt"].includes(name))),
    place: run.status === "queued" ? queued.indexOf(run) + 1 : null,
    seconds_left: running && !state.nobody ? Math.round(((run.count - run.done) * state.pace) / 100) / 10 : null,
    pictures: run.pictures.map((id) => state.pictures.find((picture) => picture.id === id)).filter(Boolean).map(seen),
  };
}

export function tell(state, run) {
  const line = `id: ${Date.now()}\nevent: generation\ndata: ${JSON.stringify(generationView(state, run))}\n\n`;
  for (const stream of state.streams) if (stream.user === run.user_id) stream.response.write(line);
}

/** Queues a run and draws it, a picture each `pace` milliseconds; the first `refuse` ones are refused. `state.step()` draws the next one now. */
export function generate(state, user, wish) {
  const person = state.people.find(({ versions }) => versions.some(({ id }) => id === wish.version_id));
  const run = {
    id: randomUUID(), user_id: user.id, person: person.name, version_id: wish.version_id, prompt: `jade woman, ${wish.prompt}`, negative: wish.negative ?? "",
    seed: wish.seed ?? 7, strength: wish.strength, aspect: wish.aspect, count: wish.count, kind: wish.kind ?? "draw", status: "queued", done: 0,
    created: iso(Date.now()), pictures: [], refused: [], error: null, like: wish.like ?? null, attempt: wish.attempt ?? null,
  };
  state.generations.unshift(run);
  tell(state, run);
  const step = (state.step = () => {
    clearTimeout(run.timer);
    if (run.status === "queued") run.status = "drawing";
    else {
      if (run.refused.length < state.refuse) run.refused.push({ reason: "identity", sentence: "The face is not close enough to jade's." });
      else run.pictures.push(addPicture(state, user, run, Date.now()).id);
      run.done += 1;
    }
    if (run.done === run.count) run.status = "done";
    else run.timer = setTimeout(step, state.pace);
    tell(state, run);
  });
  run.timer = setTimeout(step, state.pace);
  note(state, user.email, "generation-asked", run.id);
  return run;
}
