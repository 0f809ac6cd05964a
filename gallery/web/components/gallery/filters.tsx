"use client";
import { Heart, SlidersHorizontal, X } from "lucide-react";
import { useEffect, useState } from "react";
import { messages } from "@/lib/messages";
import { usePeople } from "@/lib/queries";
import type { PictureFilter } from "@/lib/types";
import { Button, IconButton } from "../ui/button";
import { cn } from "../ui/cn";
import { Input, Select } from "../ui/field";

const words = messages.gallery;
/** Milliseconds after the last key at which a search begins. */
const PAUSE = 300;

interface Props {
  filter: PictureFilter;
  onChange: (filter: PictureFilter) => void;
}

export function Filters({ filter, onChange }: Props) {
  const people = usePeople();
  const [search, setSearch] = useState("");
  const [more, setMore] = useState(false);
  const change = (part: PictureFilter) => onChange({ ...filter, ...part });
  useEffect(() => {
    if (search === (filter.search ?? "")) return;
    const timer = setTimeout(() => onChange({ ...filter, search: search || undefined }), PAUSE);
    return () => clearTimeout(timer);
  }, [search, filter, onChange]);
  const narrowed = filter.search || filter.favourite || filter.person || filter.from || filter.to;
  return (
    <search className="grid gap-3">
      <div className="flex items-center gap-1">
        <Input bare label={words.search} type="search" placeholder={words.search} maxLength={200} value={search} className="max-w-md flex-1" onChange={(event) => setSearch(event.target.value)} />
        <IconButton label={words.favourites} aria-pressed={filter.favourite ?? false} onClick={() => change({ favourite: !filter.favourite || undefined })}>
          <Heart aria-hidden className={cn(filter.favourite && "fill-accent text-accent")} />
        </IconButton>
        <IconButton label={words.filters} aria-expanded={more} onClick={() => setMore(!more)}>
          <SlidersHorizontal aria-hidden />
        </IconButton>
        {narrowed && (
          <Button
            variant="quiet"
            onClick={() => {
              setSearch("");
              onChange({ album: filter.album });
            }}
          >
            <X aria-hidden />
            <span className="max-sm:sr-only">{words.clear}</span>
          </Button>
        )}
      </div>
      {more && (
        <div className="grid max-w-2xl grid-cols-2 gap-3 sm:grid-cols-3">
          <Input label={words.from} type="date" value={filter.from ?? ""} max={filter.to} onChange={(event) => change({ from: event.target.value || undefined })} />
          <Input label={words.to} type="date" value={filter.to ?? ""} min={filter.from} onChange={(event) => change({ to: event.target.value || undefined })} />
          <Select label={messages.studio.person} className="max-sm:col-span-2" value={filter.person ?? ""} onChange={(event) => change({ person: event.target.value || undefined })}>
            <option value="">{words.anybody}</option>
            {people.data?.map(({ id, name }) => (
              <option key={id} value={name}>
                {name}
              </option>
            ))}
          </Select>
        </div>
      )}
    </search>
  );
}
