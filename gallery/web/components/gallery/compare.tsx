"use client";
import { X } from "lucide-react";
import { useEffect, useRef } from "react";
import { messages } from "@/lib/messages";
import type { Picture } from "@/lib/types";
import { IconButton } from "../ui/button";
import { cn } from "../ui/cn";

/** Pictures side by side, each with what made it. */
export function Compare({ pictures, onClose }: { pictures: Picture[]; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => void dialog.current?.showModal(), []);
  const columns = pictures.length === 2 || pictures.length === 4 ? "sm:grid-cols-2" : "sm:grid-cols-3";
  return (
    <dialog ref={dialog} aria-label={messages.gallery.compare} onClose={onClose} className="dark-room m-0 h-dvh max-h-none w-screen max-w-none bg-paper p-0 text-ink">
      <div className="flex items-center gap-2 p-2">
        <IconButton label={messages.close} onClick={() => dialog.current?.close()}>
          <X aria-hidden />
        </IconButton>
        <h2 className="text-sm text-muted">{messages.gallery.compare}</h2>
      </div>
      <div tabIndex={0} role="group" aria-label={messages.gallery.compare} className={cn("grid h-[calc(100dvh-3.5rem)] auto-rows-[minmax(22rem,1fr)] grid-cols-1 gap-2 overflow-y-auto px-2 pb-2", columns)}>
        {pictures.map((picture) => (
          <figure key={picture.id} className="grid min-h-0 grid-rows-[1fr_auto] gap-1">
            <div className="relative min-h-0">
              <img src={picture.url} alt={messages.picture.alt(picture.person, picture.prompt)} className="absolute inset-0 size-full object-contain" />
            </div>
            <figcaption className="px-1 text-xs text-muted">
              <p className="truncate">{picture.prompt}</p>
              <p className="tabular-nums">
                {messages.picture.seed} {picture.seed}
                {picture.likeness !== null && ` · ${messages.picture.likeness} ${picture.likeness.toFixed(2)}`}
              </p>
            </figcaption>
          </figure>
        ))}
      </div>
    </dialog>
  );
}
