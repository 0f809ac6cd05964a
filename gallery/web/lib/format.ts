const date = new Intl.DateTimeFormat("en", { dateStyle: "medium" });
const moment = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });
const long = new Intl.DateTimeFormat("en", { weekday: "long", day: "numeric", month: "long", year: "numeric" });

export const formatDate = (iso: string) => date.format(new Date(iso));
export const formatMoment = (iso: string) => moment.format(new Date(iso));
export const formatDay = (iso: string) => long.format(new Date(iso));

/** "45 s", "3 min"; seconds >= 0. */
export const formatSeconds = (seconds: number) =>
  seconds < 90 ? `${Math.max(1, Math.round(seconds))} s` : `${Math.round(seconds / 60)} min`;

export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(units.length - 1, bytes > 0 ? Math.floor(Math.log2(bytes) / 10) : 0);
  return `${(bytes / 1024 ** power).toFixed(power ? 1 : 0)} ${units[power]}`;
}

export const formatUsd = (usd: number) => new Intl.NumberFormat("en", { style: "currency", currency: "USD" }).format(usd);
