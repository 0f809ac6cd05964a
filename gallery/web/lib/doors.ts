/** Addresses that mails hold: {site}/reset#token=... The fragment reaches no server and no log. */
export const DOORS = ["sign-in", "invitation", "confirm", "reset"] as const;
export type DoorName = (typeof DOORS)[number];

/** The token of the address, which then no longer stands there: not in the history, not over a shoulder. */
export function takeToken(): string {
  const token = new URLSearchParams(window.location.hash.slice(1)).get("token");
  if (token) history.replaceState(null, "", window.location.pathname);
  return token ?? "";
}
