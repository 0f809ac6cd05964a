import { isValidElement, type ReactNode } from "react";
import { formatBytes, formatMoment } from "@/lib/format";
import { messages } from "@/lib/messages";
import { cn } from "../ui/cn";

const WHEN = /^\d{4}-\d\d-\d\dT/;
/** Columns of any length: they break anywhere, so that the others need not. */
const LONG = ["actor", "email", "place", "prompt", "subject", "user"];

export function cellOf(column: string, value: unknown): ReactNode {
  if (value === null || value === undefined || value === "") return messages.none;
  if (column === "bytes") return formatBytes(Number(value));
  if (column === "hash") return <code className="font-mono text-xs">{String(value).slice(0, 12)}</code>;
  if (Array.isArray(value)) return value.join(", ");
  if (isValidElement(value)) return value;
  return typeof value === "string" && WHEN.test(value) ? formatMoment(value) : String(value);
}

function breaks(column: string, row: object): string {
  if (LONG.includes(column)) return "md:min-w-44 md:wrap-anywhere";
  const value: unknown = (row as Record<string, unknown>)[column];
  return typeof value === "string" && WHEN.test(value) ? "md:whitespace-nowrap" : "md:wrap-break-word";
}

/** A table that becomes a list of cards where there is no room for columns. */
export function Table<R extends object>({ rows, columns, titles = {}, keyOf, actions }: {
  rows: R[];
  columns: readonly string[];
  /** Titles that differ from those that columns have elsewhere. */
  titles?: Record<string, string>;
  keyOf: (row: R) => string;
  actions?: (row: R) => ReactNode;
}) {
  if (rows.length === 0) return <p className="py-6 text-sm text-muted">{messages.admin.empty}</p>;
  const title = (column: string) => titles[column] ?? messages.admin.columns[column] ?? column;
  return (
    <table className="w-full text-sm max-md:block">
      <thead className="max-md:hidden">
        <tr>
          {columns.map((column) => (
            <th key={column} scope="col" className="border-b border-line py-2 pr-4 text-left text-xs font-medium whitespace-nowrap text-muted">
              {title(column)}
            </th>
          ))}
          {actions && <td className="border-b border-line" />}
        </tr>
      </thead>
      <tbody className="max-md:grid max-md:gap-2">
        {rows.map((row) => (
          <tr key={keyOf(row)} className="max-md:grid max-md:rounded-xl max-md:border max-md:border-line max-md:bg-surface max-md:p-4">
            {columns.map((column) => (
              <td key={column} className={cn("py-2.5 pr-4 align-middle max-md:flex max-md:justify-between max-md:gap-4 max-md:py-1 max-md:pr-0 max-md:text-right max-md:wrap-anywhere md:border-b md:border-line", breaks(column, row))}>
                <span className="text-left whitespace-nowrap text-muted md:hidden">{title(column)}</span>
                <span className="min-w-0">{cellOf(column, (row as Record<string, unknown>)[column])}</span>
              </td>
            ))}
            {actions && <td className="py-1.5 align-middle empty:max-md:hidden max-md:pt-3 md:border-b md:border-line md:text-right md:whitespace-nowrap">{actions(row)}</td>}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
