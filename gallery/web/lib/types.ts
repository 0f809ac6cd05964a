/** What the API sends and takes (gallery/api). Times are ISO 8601 in UTC, ids are UUIDs. */

export type Role = "owner" | "member" | "guest";
export type Aspect = "square" | "portrait" | "landscape";
export type Status = "queued" | "drawing" | "done" | "failed" | "cancelled";

export interface Page<T> {
  items: T[];
  next: string | null;
}

export interface Problem {
  reason: string;
  sentence: string;
  remedy?: string | null;
}

export interface User {
  id: string;
  email: string;
  name: string;
  role: Role;
}

export interface Session {
  user: User | null;
  csrf: string;
  settings: { open_sign_up: boolean; money: boolean };
}

/** One place where the account is signed in. */
export interface SignIn {
  id: string;
  created: string;
  seen: string;
  agent: string;
  /** It is the one that asks. */
  this: boolean;
}

export interface Version {
  id: string;
  name: string;
  trigger: string;
  class_word: string;
  created: string;
  right: Right;
}

/** `until` is null where it has no end; `kinds` are those of presets. */
export interface Right {
  per_day: number;
  used_today: number;
  until: string | null;
  kinds: string[];
}

export interface Person {
  id: string;
  name: string;
  cover_url: string | null;
  versions: Version[];
}

export interface Preset {
  id: string;
  title: string;
  prompt: string;
  kind: string;
}

export interface Picture {
  id: string;
  generation_id: string;
  person: string;
  prompt: string;
  seed: number;
  width: number;
  height: number;
  created: string;
  favourite: boolean;
  albums: string[];
  likeness: number | null;
  thumb_url: string;
  url: string;
}

export interface Refusal {
  reason: string;
  sentence: string;
}

export interface Generation {
  id: string;
  person: string;
  version_id: string;
  prompt: string;
  negative: string | null;
  seed: number | null;
  strength: number;
  aspect: Aspect;
  count: number;
  kind: "draw" | "upscale";
  status: Status;
  place: number | null;
  seconds_left: number | null;
  done: number;
  created: string;
  pictures: Picture[];
  refused: Refusal[];
  error: string | null;
}

export interface GenerationRequest {
  version_id: string;
  prompt: string;
  negative?: string;
  preset?: string;
  count: number;
  seed?: number;
  strength: number;
  aspect: Aspect;
  like?: string;
}

export interface PictureFilter {
  search?: string;
  person?: string;
  favourite?: boolean;
  album?: string;
  from?: string;
  to?: string;
}

export interface Album {
  id: string;
  title: string;
  pictures?: number;
}

/** A link that is open. Its address is told once, when it is made. */
export interface Share {
  id: string;
  picture_id: string;
  created: string;
  expires: string;
  password: boolean;
  /** It shows nothing until a report on it is decided. */
  held: boolean;
}

export interface SharedPicture {
  picture: { width: number; height: number; created: string };
  person: string;
  prompt?: string | null;
  marks: Record<string, boolean>;
}

/** A receipt says what was done, in whatever fields the API gives it; it is shown and kept whole. */
export type Receipt = Record<string, unknown>;

export interface TakedownRequest {
  name: string;
  email: string;
  reason: string;
  statement: string;
}

export interface TakedownReceipt {
  receipt: string;
  reason: string;
  created: string;
  due: string;
  decided: string | null;
  decision: "withdraw" | "keep" | null;
  /** Pictures: the reported one and those like it. */
  withdrawn: number;
}

export interface PortrayedPicture {
  id: string;
  prompt: string;
  created: string;
  width: number;
  height: number;
  by: string;
  thumb_url: string;
  url: string;
}

export interface Portrayed {
  person: string;
  /** What the consent record covers, in its own words; empty where it no longer holds. */
  scope: string[];
  kinds: string[];
  per_day: number | null;
  revoked: string | null;
  pictures: Page<PortrayedPicture>;
  /** Pictures that are no longer there. */
  gone: number;
  users: { name: string; per_day: number; until: string | null; pictures: number }[];
}

/** Credits are US cents. */
export interface Money {
  enabled: boolean;
  balance_cents: number;
  price_cents: number;
  entries: { at: string; cents: number; what: string }[];
}

/** What the calculator asks: `cost_cents` a month for each worker, `seconds` a picture (null: as measured here). */
export interface Figures {
  price_cents: number;
  per_day: number;
  cost_cents: number;
  seconds: number | null;
}

/** A month of 30 days; `most_per_day` is what one worker draws without a pause. */
export interface Month {
  seconds: number;
  revenue_cents: number;
  cost_cents: number;
  profit_cents: number;
  cost_per_picture_cents: number;
  most_per_day: number;
  workers: number;
}

export interface AdminUser extends User {
  created: string;
  blocked: boolean;
}

export interface AdminPerson {
  id: string;
  name: string;
  ended: string | null;
}

export interface NewRight {
  user_id: string;
  version_id: string;
  per_day: number;
  until: string | null;
}

export interface AdminRight extends NewRight {
  id: string;
  kinds: string[];
}

export interface AdminTakedown extends TakedownReceipt {
  picture_id: string;
  name: string;
  email: string;
  statement: string;
  by: string | null;
}

export interface AdminRefusals {
  prompts: { at: string; by: string; reason: string }[];
  pictures: Record<string, number>;
}

export interface AdminStorage {
  place: string;
  pictures: number;
  to_erase: number;
  database_bytes: number;
}

/** The audit log: as text for keeping, in rows for reading; `broken` is the first line whose hash does not fit. */
export interface AuditLog {
  text: string;
  rows: Record<string, unknown>[];
  broken: string | null;
}
