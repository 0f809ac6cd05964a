/** Addresses that mails hold: {site}/reset?token=..., {site}/sign-up?invitation=..., or the same after a #. */
export const DOORS = ["sign-in", "sign-up", "confirm", "reset"] as const;
export type DoorName = (typeof DOORS)[number];

/** The token of the address, which then no longer stands there: not in the history, not over a shoulder. */
export function takeToken(): string {
  const { hash, search, pathname } = window.location;
  const given = new URLSearchParams(`${hash.slice(1)}&${search.slice(1)}`);
  const token = given.get("token") ?? given.get("invitation");
  if (token) history.replaceState(null, "", pathname);
  return token ?? "";
}
