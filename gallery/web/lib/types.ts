/** What the API sends and takes: names for what is generated into openapi.ts. Times are ISO 8601 in UTC, ids are UUIDs. */
import type { components } from "./openapi";

type Shapes = components["schemas"];

export type GenerationRequest = Shapes["gallery__api__routes__generations__Asked"];
export type TakedownReason = Shapes["TakedownReceipt"]["reason"];

export interface Page<T> {
  items: T[];
  next: string | null;
}

export type Problem = Shapes["Problem"];
export type User = Shapes["User"];
export type Role = User["role"];
export type Session = Shapes["Session"];
export type SignedInPlace = Shapes["SignedInPlace"];
export type Person = Shapes["Person"];
export type Preset = Shapes["Preset"];
export type Picture = Shapes["Picture"];
export type Generation = Shapes["Generation"];
export type Aspect = Generation["aspect"];
export type Album = Shapes["Album"];
export type Share = Shapes["Share"];
export type NewShare = Shapes["NewShare"];
export type SharedPicture = Shapes["SharedPicture"];
export type TakedownReceipt = Shapes["TakedownReceipt"];
export type PortrayedPicture = Shapes["PortrayedPicture"];
export type Portrayed = Shapes["Portrayed"];
export type Money = Shapes["Money"];
export type CalculatorFigures = Shapes["CalculatorFigures"];
export type AdminUser = Shapes["AdminUser"];
export type AdminPerson = Shapes["AdminPerson"];
export type AdminRight = Shapes["AdminRight"];
export type Kind = AdminRight["kinds"][number];
export type AdminTakedown = Shapes["AdminTakedown"];
export type AdminStorage = Shapes["Storage"];
export type Payment = Shapes["PaymentLine"];
export type Dispute = Shapes["DisputeLine"];
export type AuditLog = Shapes["AuditLog"];

/** What a reader keeps: shown field by field, whatever it is of. */
export type Receipt = object;

export interface PictureFilter {
  search?: string;
  person?: string;
  favourite?: boolean;
  album?: string;
  from?: string;
  to?: string;
}
