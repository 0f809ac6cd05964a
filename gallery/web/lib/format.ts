const date = new Intl.DateTimeFormat("en", { dateStyle: "medium" });
const moment = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });
const long = new Intl.DateTimeFormat("en", { weekday: "long", day: "numeric", month: "long", year: "numeric" });

export const formatDate = (iso: string) => date.format(new Date(iso));
export const formatMoment = (iso: string) => moment.format(new Date(iso));
export const formatDay = (iso: string) => long.format(new Date(iso));

/** "45 s", "3 min", "2 h"; seconds >= 0. */
export function formatSeconds(seconds: number): string {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

/** "Firefox, Linux" of a User-Agent header; the header itself where it is of no known form. */
export function browserOf(agent: string): string {
  const browser = /(Edg|OPR|Firefox|HeadlessChrome|Chrome|Safari)\//.exec(agent.replace(/Chrome(?=.*(Edg|OPR)\/)/, ""))?.[1];
  const system = /(Android|iPhone|iPad|Windows|Mac OS X|Linux)/.exec(agent)?.[1];
  const names: Record<string, string> = { Edg: "Edge", OPR: "Opera", HeadlessChrome: "Chrome", "Mac OS X": "macOS" };
  return browser && system ? `${names[browser] ?? browser}, ${names[system] ?? system}` : agent;
}

export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(units.length - 1, bytes > 0 ? Math.floor(Math.log2(bytes) / 10) : 0);
  return `${(bytes / 1024 ** power).toFixed(power ? 1 : 0)} ${units[power]}`;
}

export const formatUsd = (usd: number) => new Intl.NumberFormat("en", { style: "currency", currency: "USD" }).format(usd);
