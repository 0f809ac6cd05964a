/** What the API sends (gallery/api); what it takes is in openapi.ts. Times are ISO 8601 in UTC, ids are UUIDs. */
import type { components } from "./openapi";

export type GenerationRequest = components["schemas"]["gallery__api__routes__generations__Asked"];
export type TakedownReason = components["schemas"]["Report"]["reason"];
export type PromptKind = components["schemas"]["Narrowed"]["kinds"][number];

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
  marks: string[];
}

/** A receipt says what was done, in whatever fields the API gives it; it is shown and kept whole. */
export type Receipt = Record<string, unknown>;

export interface TakedownReceipt {
  receipt: string;
  status: "open" | "removed" | "kept";
  reason: string;
  created: string;
  due: string;
  decided: string | null;
  decision: "remove" | "keep" | null;
  /** Pictures that were withdrawn: the reported one and those like it. */
  copies: number;
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
  person: { id: string; name: string };
  /** What the consent record covers, in one sentence. */
  scope: string;
  kinds: PromptKind[];
  per_day: number | null;
  /** The receipt of the withdrawal. */
  revoked: Receipt | null;
  pictures: Page<PortrayedPicture>;
  /** Pictures that are no longer there. */
  gone: number;
  users: { name: string; pictures: number; last: string | null; per_day: number | null }[];
}

/** In US dollars. */
export interface Money {
  enabled: boolean;
  balance: number;
  price: number;
  /** Credits can be bought here. */
  sells: boolean;
  /** A picture whose likeness is below costs nothing; 0 where there is no such floor. */
  free_below: number;
  entries: { id: number; created: string; text: string; amount: number; balance: number }[];
}

/** Figures to begin the calculation with, in dollars and shares of 0..1; every one can be changed on the page. */
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

export interface AdminPerson {
  id: string;
  name: string;
  ended: string | null;
}

export interface AdminRight {
  user_id: string;
  version_id: string;
  per_day: number;
  until: string | null;

  id: string;
  user: string;
  person: string;
  version: string;
  kinds: string[];
  used_today: number;
}

export interface AdminTakedown extends TakedownReceipt {
  picture_id: string;
  name: string;
  email: string;
  statement: string;
  by: string | null;
  /** The reported picture while it is there. */
  file_url?: string | null;
}

/** Rows of the tables that an owner only reads. */
export type Row = Record<string, unknown>;

export interface AdminStorage {
  place: string;
  bytes: number;
  pictures: number;
  to_erase: number;
  items: Row[];
}

/** The newest lines of the audit log; `whole` says that no line of all was changed or removed. */
export interface AuditLog {
  items: Row[];
  whole: boolean;
}
