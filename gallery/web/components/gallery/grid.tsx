"use client";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { memo, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { messages } from "@/lib/messages";
import type { Picture } from "@/lib/types";
import { useFast } from "./fast";
import { columnsFor, rowsOf } from "./rows";
import { Tile, type TileActs } from "./tile";

const GAP = 8;
const DAY_HEIGHT = 52;
/** Rows from the end at which the next page is asked for: half a second of fast scrolling. */
const AHEAD = 24;
/** Milliseconds that the next page waits where nobody has scrolled yet: the pictures in sight come first. */
const AT_REST = 1000;

interface Props extends TileActs {
  pictures: Picture[];
  selected: ReadonlySet<string> | null;
  onEnd: () => void;
}

/** Only the rows in sight, and a few around them, are in the page. */
export function Grid({ pictures, selected, onEnd, ...acts }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const [top, setTop] = useState(0);
  useLayoutEffect(() => {
    const element = frame.current;
    if (!element) return;
    const measure = () => {
      setWidth(element.clientWidth);
      setTop(element.getBoundingClientRect().top + window.scrollY);
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    observer.observe(document.body);
    return () => observer.disconnect();
  }, []);
  const fast = useFast();
  const columns = columnsFor(width);
  const cell = (width - GAP * (columns - 1)) / columns;
  const rows = useMemo(() => rowsOf(pictures, columns), [pictures, columns]);
  // The same function until the rows change: with another one, the virtualizer measures every row anew each time it draws.
  const getItemKey = useCallback((index: number) => rows[index]?.key ?? index, [rows]);
  const virtual = useWindowVirtualizer({
    count: width ? rows.length : 0,
    estimateSize: (index) => (rows[index]?.kind === "day" ? DAY_HEIGHT : cell + GAP),
    getItemKey,
    overscan: 3,
    scrollMargin: top,
  });
  useEffect(() => void virtual.measure(), [virtual, cell]);
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (!rows.length || last < rows.length - AHEAD) return;
    if (window.scrollY) {
      onEnd();
      return; // whatever it gives back does not end the effect
    }
    const timer = setTimeout(onEnd, AT_REST);
    return () => clearTimeout(timer);
  }, [last, rows.length, onEnd]);
  return (
    <div ref={frame} role="group" aria-label={messages.gallery.grid} className="relative" style={{ height: virtual.getTotalSize() }}>
      {items.map(({ index, key, start, size }) => {
        const row = rows[index];
        if (!row) return null;
        return (
          <div key={key} className="absolute inset-x-0 top-0 contain-strict" style={{ height: size, transform: `translateY(${start - top}px)` }}>
            {row.kind === "day" ? (
              <h2 className="pt-5 text-sm font-semibold">{row.title}</h2>
            ) : (
              <PictureRow pictures={row.pictures} selected={selected} cell={cell} fast={fast} {...acts} />
            )}
          </div>
        );
      })}
    </div>
  );
}

interface RowProps extends TileActs {
  pictures: Picture[];
  selected: Props["selected"];
  cell: number;
  fast: boolean;
}

/** Its pictures are fetched once it does not fly by, and stay then. */
const PictureRow = memo(function PictureRow({ pictures, selected, cell, fast, ...acts }: RowProps) {
  const [shown, setShown] = useState(!fast);
  if (!fast && !shown) setShown(true);
  return (
    <div className="flex" style={{ gap: GAP }}>
      {pictures.map((picture) => (
        <Tile key={picture.id} picture={picture} size={cell} selected={selected && selected.has(picture.id)} shown={shown} {...acts} />
      ))}
    </div>
  );
});
