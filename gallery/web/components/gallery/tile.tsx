"use client";
import { Check, Heart } from "lucide-react";
import { memo } from "react";
import { messages } from "@/lib/messages";
import type { Picture } from "@/lib/types";
import { cn } from "../ui/cn";

export interface TileActs {
  onOpen: (picture: Picture) => void;
  /** With shift held: from the last choice to here. */
  onChoose: (picture: Picture, range: boolean) => void;
}

interface Props extends TileActs {
  picture: Picture;
  /** In CSS pixels. */
  size: number;
  /** Null while nothing is being chosen. */
  selected: boolean | null;
  /** Whether the picture is fetched. */
  shown: boolean;
}

/** A square of the grid. */
export const Tile = memo(function Tile({ picture, size, selected, shown, onOpen, onChoose }: Props) {
  const alt = messages.picture.alt(picture.person, picture.prompt);
  const choosing = selected !== null;
  return (
    <button
      type="button"
      style={{ width: size, height: size }}
      className="relative shrink-0 overflow-hidden rounded-lg bg-sunken"
      aria-label={choosing ? messages.picture.choose(alt) : messages.picture.open(alt)}
      aria-pressed={choosing ? selected : undefined}
      onClick={(event) => (choosing ? onChoose(picture, event.shiftKey) : onOpen(picture))}
    >
      {shown && <img src={picture.thumb_url} alt="" decoding="async" className={cn("size-full object-cover object-top", selected && "scale-90 rounded-lg")} />}
      {picture.favourite && <Heart className="absolute bottom-2 left-2 size-4 fill-white text-white drop-shadow" aria-hidden />}
      {choosing && (
        <span className={cn("absolute top-2 right-2 grid size-6 place-items-center rounded-full border-2 border-white", selected ? "bg-accent text-on-accent" : "bg-black/40")} aria-hidden>
          {selected && <Check className="size-4" />}
        </span>
      )}
    </button>
  );
});
