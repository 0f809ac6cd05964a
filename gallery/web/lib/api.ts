import type { components, paths } from "./openapi";
import type * as T from "./types";

// The addresses that the API has for a method, with any text for an id: another one does not compile.
type Method = "get" | "post" | "put" | "patch" | "delete";
type Filled<Place extends string> = Place extends `${infer Before}{${string}}${infer After}` ? `${Before}${string}${Filled<After>}` : Place;
type Below<Place> = Place extends `/api${infer Rest}` ? Filled<Rest> : never;
type Address<M extends Method> = M extends Method ? Below<{ [P in keyof paths]: paths[P] extends Record<M, object> ? P : never }[keyof paths]> : never;

/** An answer of the API that says no, in its own words. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly problem: T.Problem,
  ) {
    super(problem.sentence);
  }
}

/** What the API takes and answers. */
type Bodies = components["schemas"];

type Query = Record<string, string | number | boolean | undefined | null>;
interface Options {
  query?: Query;
  body?: unknown;
  headers?: Record<string, string>;
}

// The token of GET /session; every unsafe method carries it. Signing in or out makes a new one.
let csrf: Promise<string> | null = null;
const csrfToken = () =>
  (csrf ??= session().then(
    (answer) => answer.csrf,
    (error: unknown) => {
      csrf = null; // a server that could not be reached once is asked again
      throw error;
    },
  ));

function address(path: string, query: Query = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const search = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return `/api${path}${search && `?${search}`}`;
}

async function problemOf(response: Response): Promise<T.Problem> {
  const body: unknown = await response.json().catch(() => null);
  const error = (body as { error?: T.Problem } | null)?.error;
  if (error?.sentence) return error;
  // FastAPI's own refusals and a proxy's pages have another shape.
  return { reason: "unreachable", sentence: `The server answered ${response.status}.`, remedy: "Try again in a moment." };
}

async function send(method: Uppercase<Method>, path: Address<Method>, { query, body, headers }: Options = {}): Promise<Response> {
  const unsafe = method !== "GET";
  const request = async () =>
    fetch(address(path, query), {
      method,
      headers: {
        accept: "application/json",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(unsafe ? { "x-csrf": await csrfToken() } : {}),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  let response = await request();
  if (unsafe && response.status === 403 && (await problemOf(response.clone())).reason === "csrf") {
    csrf = null;
    response = await request();
  }
  if (!response.ok) throw new ApiError(response.status, await problemOf(response));
  return response;
}

async function json<R>(method: Uppercase<Method>, path: Address<Method>, options?: Options): Promise<R> {
  const response = await send(method, path, options);
  return (response.status === 204 ? undefined : await response.json()) as R;
}

// A short list comes bare, a long one as a page.
async function list<R>(path: Address<"get">): Promise<R[]> {
  const answer = await get<R[] | T.Page<R>>(path);
  return Array.isArray(answer) ? answer : answer.items;
}

const get = <R>(path: Address<"get">, query?: Query, headers?: Record<string, string>) => json<R>("GET", path, { query, headers });
const post = <R = void>(path: Address<"post">, body?: unknown) => json<R>("POST", path, { body: body ?? {} });
const put = <R = void>(path: Address<"put">, body?: unknown) => json<R>("PUT", path, { body });
const remove = <R = void>(path: Address<"delete">) => json<R>("DELETE", path);
const id = encodeURIComponent;

async function session(): Promise<T.Session> {
  const answer = await get<T.Session>("/session");
  csrf = Promise.resolve(answer.csrf);
  return answer;
}

async function newSession<R>(path: Address<"post">, body: unknown): Promise<R> {
  const answer = await post<R>(path, body);
  csrf = null;
  return answer;
}

export const api = {
  session,
  signUp: (body: Bodies["SignUp"]) => 
    newSession<T.Session | { sent: true }>("/sign-up", body),
  confirmSignUp: (token: string, password: string) => newSession("/sign-up/confirm", { token, password }),
  signIn: (body: Bodies["SignIn"]) => newSession("/sign-in", body),
  signOut: () => newSession("/sign-out", {}),
  forgotPassword: (email: string) => post("/password/forgot", { email }),
  resetPassword: (token: string, password: string) => newSession("/password/reset", { token, password }),
  signIns: () => list<T.SignedInPlace>("/sessions"),
  endSignIn: (which: string) => remove(`/sessions/${id(which)}`),

  passkeys: () => list<Bodies["Passkey"]>("/passkeys"),
  passkeyOptions: (password: string) => post<Bodies["PasskeyOptions"]>("/passkeys/options", { password }),
  addPasskey: (name: string, credential: object) => post<Bodies["Passkey"]>("/passkeys", { name, credential }),
  removePasskey: (which: string) => remove(`/passkeys/${id(which)}`),
  passkeySignInOptions: () => post<Bodies["PasskeyOptions"]>("/sign-in/passkey/options"),
  passkeySignIn: (credential: object) => newSession<T.Session>("/sign-in/passkey", { credential }),

  people: () => list<T.Person>("/people"),
  presets: () => list<T.Preset>("/presets"),
  generate: (body: Bodies["gallery__api__routes__generations__Asked"]) => post<T.Generation>("/generations", body),
  generations: () => list<T.Generation>("/generations"),
  cancel: (which: string) => post<T.Generation>(`/generations/${id(which)}/cancel`),

  pictures: (filter: T.PictureFilter, cursor: string | null, limit: number) =>
    get<T.Page<T.Picture>>("/pictures", { ...filter, from: dayBegin(filter.from), to: dayEnd(filter.to), cursor, limit }),
  /** A picture's bytes, from the address that an answer names. */
  file: async (url: string) => {
    const response = await fetch(url);
    if (!response.ok) throw new ApiError(response.status, await problemOf(response));
    return response.blob();
  },
  deletePicture: (which: string) => remove<Bodies["DeletionReceipt"]>(`/pictures/${id(which)}`),
  favourite: (which: string, on: boolean) => (on ? put : remove)(`/pictures/${id(which)}/favourite`),
  upscale: ({ picture, attempt }: { picture: string; attempt: string }) => post<T.Generation>(`/pictures/${id(picture)}/upscale`, { attempt }),
  zip: async (ids: string[]) => (await send("POST", "/pictures/zip", { body: { ids } })).blob(),

  albums: () => list<T.Album>("/albums"),
  createAlbum: (title: string) => post<T.Album>("/albums", { title }),
  renameAlbum: (which: string, title: string) => json<T.Album>("PATCH", `/albums/${id(which)}`, { body: { title } }),
  deleteAlbum: (which: string) => remove(`/albums/${id(which)}`),
  inAlbum: (album: string, picture: string, on: boolean) => (on ? put : remove)(`/albums/${id(album)}/pictures/${id(picture)}`),

  share: (picture: string, body: Bodies["gallery__api__routes__shares__Asked"]) =>
    post<T.NewShare>(`/pictures/${id(picture)}/shares`, body),
  shares: () => list<T.Share>("/shares"),
  endShare: (which: string) => remove(`/shares/${id(which)}`),

  shared: (token: string, password?: string) => get<T.SharedPicture>(`/shared/${id(token)}`, {}, sharePassword(password)),
  sharedFile: async (token: string, password?: string) =>
    (await send("GET", `/shared/${id(token)}/file`, { headers: { ...sharePassword(password), accept: "image/*" } })).blob(),
  takedown: (token: string, body: Bodies["Report"]) => post<T.TakedownReceipt>(`/shared/${id(token)}/takedown`, body),
  takedownReceipt: (receipt: string) => get<T.TakedownReceipt>(`/takedowns/${id(receipt)}`),

  portrayed: (token: string, cursor: string | null) => get<T.Portrayed>(`/portrayed/${id(token)}`, { cursor, limit: 60 }),
  renewLink: (token: string) => post<{ url: string }>(`/portrayed/${id(token)}/renew`),
  narrow: (token: string, body: Bodies["Narrowed"]) => post(`/portrayed/${id(token)}/narrow`, body),
  revoke: (token: string, confirm: string) => post<Bodies["WithdrawalReceipt"]>(`/portrayed/${id(token)}/revoke`, { confirm }),

  money: () => get<T.Money>("/money"),
  checkout: (cents: number, attempt: string) => post<{ url: string }>("/money/checkout", { cents, attempt }),
  calculator: () => get<T.CalculatorFigures>("/money/calculator"),

  admin: {
    users: () => list<T.AdminUser>("/admin/users"),
    changeUser: (which: string, change: Bodies["Changed"]) =>
      json("PATCH", `/admin/users/${id(which)}`, { body: change }),
    invite: (body: Bodies["Invited"]) => post<{ url: string }>("/admin/invitations", body),
    people: () => list<T.AdminPerson>("/admin/people"),
    rights: () => list<T.AdminRight>("/admin/rights"),
    grant: ({ lastDay, ...right }: Omit<Bodies["Granted"], "until"> & { lastDay: string }) =>
      put("/admin/rights", { ...right, until: dayEnd(lastDay) || null }),
    revokeRight: ({ user_id, version_id }: Pick<T.AdminRight, "user_id" | "version_id">) => json("DELETE", "/admin/rights", { query: { user_id, version_id } }),
    queue: () => list<Bodies["QueueLine"]>("/admin/queue"),
    workers: () => list<Bodies["WorkerLine"]>("/admin/workers"),
    refusals: () => list<Bodies["RefusalLine"]>("/admin/refusals"),
    storage: () => get<T.AdminStorage>("/admin/storage"),
    audit: () => get<T.AuditLog>("/admin/audit"),
    takedowns: () => list<T.AdminTakedown>("/admin/takedowns"),
    decide: (receipt: string, decision: "remove" | "keep") => post(`/admin/takedowns/${id(receipt)}`, { decision }),
    payments: () => list<T.Payment>("/admin/payments"),
    refund: (body: Bodies["Repaid"]) => post<Bodies["Repayment"]>("/admin/refunds", body),
    personLink: (person: string) => post<{ url: string }>(`/admin/people/${id(person)}/link`),
  },
};

// A day is the reader's own, not Greenwich's.
const dayBegin = (day?: string) => day && new Date(`${day}T00:00:00`).toISOString();
const dayEnd = (day?: string) => day && new Date(`${day}T23:59:59.999`).toISOString();

// A header holds Latin letters only, a password any.
const sharePassword = (password?: string): Record<string, string> =>
  password ? { "x-share-password": encodeURIComponent(password) } : {};
