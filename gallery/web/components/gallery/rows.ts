import { formatDay } from "@/lib/format";
import type { Picture } from "@/lib/types";

export type Row =
  | { kind: "day"; key: string; title: string }
  | { kind: "pictures"; key: string; pictures: Picture[] };

/** The rows of a grid of `columns`: a heading for each day, then its pictures. Pictures come newest first. */
export function rowsOf(pictures: Picture[], columns: number): Row[] {
  const rows: Row[] = [];
  // When the reader's day of the row in hand began. Times in UTC compare as text: ten thousand dates would take longer than a frame.
  let begin = "~";
  let row: Picture[] | null = null;
  for (const picture of pictures) {
    if (picture.created < begin) {
      const midnight = new Date(picture.created);
      midnight.setHours(0, 0, 0, 0);
      begin = midnight.toISOString();
      row = null;
      rows.push({ kind: "day", key: begin, title: formatDay(picture.created) });
    }
    if (!row || row.length === columns) {
      row = [];
      rows.push({ kind: "pictures", key: picture.id, pictures: row });
    }
    row.push(picture);
  }
  return rows;
}

/** Columns that fit into a width of CSS pixels. */
export const columnsFor = (width: number) => Math.max(2, Math.min(8, Math.floor(width / 190)));
