"use client";
import { Pencil, Plus, Trash2 } from "lucide-react";
import { type FormEvent, useState } from "react";
import { api } from "@/lib/api";
import { messages } from "@/lib/messages";
import { useAlbums, useChange } from "@/lib/queries";
import type { Album, PictureFilter } from "@/lib/types";
import { Button, IconButton } from "../ui/button";
import { cn } from "../ui/cn";
import { Dialog } from "../ui/dialog";
import { Input, MOST_NAME } from "../ui/field";
import { ErrorNotice } from "../ui/notice";

const words = messages.gallery;
type Asked = { act: "create" } | { act: "rename" | "delete"; album: Album };

export function AlbumBar({ filter, onChange }: { filter: PictureFilter; onChange: (filter: PictureFilter) => void }) {
  const albums = useAlbums();
  const [asked, setAsked] = useState<Asked | null>(null);
  const open = albums.data?.find(({ id }) => id === filter.album);
  const show = (album: string | undefined) => onChange({ ...filter, album });
  const chip = (id: string | undefined, title: string) => (
    <button
      key={id ?? ""}
      type="button"
      aria-pressed={filter.album === id}
      onClick={() => show(id)}
      className={cn("min-h-10 shrink-0 rounded-full border px-3.5 text-sm whitespace-nowrap", filter.album === id ? "border-accent bg-accent-soft" : "border-line bg-surface hover:bg-sunken")}
    >
      {title}
    </button>
  );
  return (
    <div role="group" aria-label={words.albums} className="-mx-4 flex items-center gap-1.5 overflow-x-auto px-4 py-1 sm:mx-0 sm:px-0">
      {chip(undefined, words.allAlbums)}
      {albums.data?.map(({ id, title }) => chip(id, title))}
      <IconButton label={words.newAlbum} className="shrink-0" onClick={() => setAsked({ act: "create" })}>
        <Plus aria-hidden />
      </IconButton>
      {open && (
        <>
          <IconButton label={words.renameAlbum} className="shrink-0" onClick={() => setAsked({ act: "rename", album: open })}>
            <Pencil aria-hidden />
          </IconButton>
          <IconButton label={words.deleteAlbum} className="shrink-0" onClick={() => setAsked({ act: "delete", album: open })}>
            <Trash2 aria-hidden />
          </IconButton>
        </>
      )}
      {asked && <AlbumForm asked={asked} onShow={show} onClose={() => setAsked(null)} />}
    </div>
  );
}

function AlbumForm({ asked, onShow, onClose }: { asked: Asked; onShow: (album: string | undefined) => void; onClose: () => void }) {
  const change = useChange(async (title: string) => {
    if (asked.act === "create") onShow((await api.createAlbum(title)).id);
    else if (asked.act === "rename") await api.renameAlbum(asked.album.id, title);
    else {
      await api.deleteAlbum(asked.album.id);
      onShow(undefined);
    }
    onClose();
  }, "albums");
  const titles = { create: words.newAlbum, rename: words.renameAlbum, delete: words.deleteAlbum };
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    change.mutate(String(new FormData(event.currentTarget).get("title") ?? "").trim());
  }
  return (
    <Dialog title={titles[asked.act]} onClose={onClose}>
      <form onSubmit={submit} className="grid gap-4">
        {asked.act === "delete" ? (
          <p className="text-sm">{words.deleteAlbumText}</p>
        ) : (
          <Input label={words.albumTitle} name="title" required maxLength={MOST_NAME} defaultValue={asked.act === "rename" ? asked.album.title : ""} />
        )}
        <ErrorNotice error={change.error} />
        <Button type="submit" variant={asked.act === "delete" ? "danger" : "primary"} disabled={change.isPending}>
          {asked.act === "delete" ? words.deleteAlbum : messages.save}
        </Button>
      </form>
    </Dialog>
  );
}
