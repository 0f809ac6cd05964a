"use client";
import { ChevronLeft, ChevronRight, Info, X } from "lucide-react";
import { type KeyboardEvent, type TouchEvent, useEffect, useRef, useState } from "react";
import { messages } from "@/lib/messages";
import { useFavourite } from "@/lib/queries";
import { saveAddress } from "@/lib/save";
import type { Picture } from "@/lib/types";
import { IconButton } from "../ui/button";
import { cn } from "../ui/cn";
import { Verify } from "../ui/verify";
import { Actions } from "./actions";
import { Details } from "./details";

const words = messages.picture;
/** A finger that moved less than this, in CSS pixels, meant no swipe. */
const SWIPE = 50;

interface Props {
  pictures: Picture[];
  open: string;
  onMove: (id: string) => void;
  onClose: () => void;
  onLike: (picture: Picture) => void;
}

export const fileName = (picture: Picture) => `${picture.person}-${picture.id.slice(0, 8)}.png`;
export const download = (picture: Picture) => saveAddress(picture.url, fileName(picture));

/** One picture over the whole window: arrows, Esc, f and d, or a finger. */
export function Viewer({ pictures, open, onMove, onClose, onLike }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const touch = useRef<{ x: number; y: number } | null>(null);
  const [details, setDetails] = useState(false);
  const favourite = useFavourite();
  const at = pictures.findIndex(({ id }) => id === open);
  const picture = pictures[at];
  const previous = pictures[at - 1];
  const next = pictures[at + 1];
  useEffect(() => void dialog.current?.showModal(), []);
  useEffect(() => {
    if (!picture) onClose();
  }, [picture, onClose]);
  useEffect(() => {
    for (const neighbour of [next, previous]) if (neighbour) new Image().src = neighbour.url;
  }, [next, previous]);
  if (!picture) return null;

  const move = (to: Picture | undefined) => to && onMove(to.id);
  function key(event: KeyboardEvent) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target instanceof HTMLInputElement) return;
    const acts: Record<string, () => unknown> = {
      ArrowLeft: () => move(previous),
      ArrowRight: () => move(next),
      f: () => picture && favourite.mutate(picture),
      d: () => picture && download(picture),
    };
    const act = acts[event.key];
    if (act) {
      event.preventDefault();
      act();
    }
  }
  function begin({ touches }: TouchEvent) {
    const finger = touches[0];
    touch.current = finger && touches.length === 1 ? { x: finger.clientX, y: finger.clientY } : null;
  }
  function lift(event: TouchEvent) {
    const from = touch.current;
    const to = event.changedTouches[0];
    touch.current = null;
    if (!from || !to) return;
    const [x, y] = [to.clientX - from.x, to.clientY - from.y];
    if (Math.abs(x) > SWIPE && Math.abs(x) > Math.abs(y)) move(x > 0 ? previous : next);
    else if (y > 2 * SWIPE) dialog.current?.close();
  }

  return (
    <dialog
      ref={dialog}
      aria-label={words.viewer}
      onClose={(event) => event.target === dialog.current && onClose()}
      onKeyDown={key}
      className="dark-room m-0 h-dvh max-h-none w-screen max-w-none bg-paper p-0 text-ink"
    >
      <div className="grid h-full grid-cols-[minmax(0,1fr)] grid-rows-[auto_1fr_auto] lg:grid-cols-[minmax(0,1fr)_22rem] lg:grid-rows-[auto_1fr]">
        <div className="col-span-full flex items-center gap-1 p-2">
          <IconButton label={words.close} onClick={() => dialog.current?.close()}>
            <X aria-hidden />
          </IconButton>
          <p className="min-w-0 flex-1 truncate text-sm text-muted max-lg:text-center">{picture.prompt}</p>
          <IconButton label={words.details} aria-expanded={details} className="lg:hidden" onClick={() => setDetails(!details)}>
            <Info aria-hidden />
          </IconButton>
        </div>
        <div
          className="relative min-h-0 touch-none"
          onTouchStart={begin}
          onTouchEnd={lift}
        >
          {/* Stands in while the whole picture is on its way. */}
          <img key={picture.thumb_url} src={picture.thumb_url} alt="" className="absolute inset-0 size-full object-contain" />
          <img key={picture.id} src={picture.url} alt={words.alt(picture.person, picture.prompt)} className="absolute inset-0 size-full object-contain" />
          <Arrow to={previous} label={words.previous} onMove={move} className="left-2" />
          <Arrow to={next} label={words.next} onMove={move} className="right-2" />
        </div>
        <aside className="grid content-start gap-5 overflow-y-auto p-4 max-lg:max-h-[45dvh] max-lg:pb-[max(1rem,env(safe-area-inset-bottom))]">
          <Actions picture={picture} onFavourite={() => favourite.mutate(picture)} onLike={() => onLike(picture)} />
          <div className={cn(!details && "max-lg:hidden")}>
            <Details picture={picture} />
            <div className="pt-5">
              <Verify key={picture.id} file={picture.url} />
            </div>
          </div>
        </aside>
      </div>
    </dialog>
  );
}

function Arrow({ to, label, onMove, className }: { to: Picture | undefined; label: string; onMove: (to: Picture | undefined) => void; className: string }) {
  const Icon = label === words.previous ? ChevronLeft : ChevronRight;
  return (
    <IconButton
      label={label}
      disabled={!to}
      onClick={() => onMove(to)}
      className={cn("absolute top-1/2 -translate-y-1/2 rounded-full bg-paper/70 hover:bg-paper disabled:invisible max-sm:hidden", className)}
    >
      <Icon aria-hidden />
    </IconButton>
  );
}
