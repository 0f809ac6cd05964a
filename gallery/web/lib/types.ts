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

export interface Share {
  id: string;
  url: string;
  expires: string;
  picture_id?: string;
  password?: boolean;
}

export interface SharedPicture {
  picture: { width: number; height: number; created: string };
  person: string;
  prompt?: string | null;
  marks: string[];
}

/** A receipt says what was done, in whatever fields the API gives it; it is shown and kept whole. */
export type Receipt = Record<string, unknown>;

export interface TakedownRequest {
  name: string;
  email: string;
  reason: string;
  statement: string;
}

export interface PortrayedPicture {
  id: string;
  prompt: string;
  created: string;
  width: number;
  height: number;
  by: string;
}

export interface Portrayed {
  person: { id: string; name: string };
  scope: string;
  kinds: string[];
  all_kinds: string[];
  per_day: number | null;
  revoked: Receipt | null;
  pictures: Page<PortrayedPicture>;
  users: { name: string; pictures: number; last: string | null }[];
}

export interface Money {
  enabled: boolean;
  balance: number;
  entries: { id: string; created: string; text: string; amount: number; balance: number }[];
}

/** Measured figures to begin the calculation with; every one can be changed on the page. */
export interface CalculatorFigures {
  price: number;
  pictures_per_day: number;
  fixed_per_month: number;
  seconds_per_picture: number;
  usd_per_hour: number;
  fee_share: number;
  fee_fixed: number;
  pictures_per_payment: number;
  refund_share: number;
}

export interface AdminUser extends User {
  created: string;
  disabled: boolean;
  pictures: number;
}

export interface AdminRight {
  user_id: string;
  user: string;
  version_id: string;
  version: string;
  person: string;
  per_day: number | null;
  until: string | null;
  kinds: string[];
  used_today: number;
}

export interface AdminTakedown {
  receipt: string;
  name: string;
  email: string;
  reason: string;
  statement: string;
  status: string;
  created: string;
  due: string;
  copies: number;
}

/** Rows of the tables that an owner only reads. */
export type Row = Record<string, unknown>;
export type AdminTable = "queue" | "workers" | "refusals" | "audit" | "storage";
