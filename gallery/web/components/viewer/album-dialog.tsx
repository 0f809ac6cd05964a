"use client";
import { useState } from "react";
import { api } from "@/lib/api";
import { messages } from "@/lib/messages";
import { useAlbums, useChange, useEditPictures } from "@/lib/queries";
import type { Picture } from "@/lib/types";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Checkbox, Input, MOST_NAME } from "../ui/field";
import { ErrorNotice } from "../ui/notice";

const words = messages.gallery;

/** Which albums the pictures are in; a tick puts all of them in. */
export function AlbumDialog({ pictures, onClose }: { pictures: Picture[]; onClose: () => void }) {
  const albums = useAlbums();
  const [title, setTitle] = useState("");
  const edit = useEditPictures();
  const ids = new Set(pictures.map(({ id }) => id));
  const [held, setHeld] = useState(() => new Set(pictures[0]?.albums.filter((album) => pictures.every((picture) => picture.albums.includes(album)))));
  const mark = (album: string, on: boolean) => setHeld((old) => new Set(on ? [...old, album] : [...old].filter((one) => one !== album)));
  const set = useChange(async ({ album, on }: { album: string; on: boolean }) => {
    mark(album, on);
    for (const id of ids)
      await api.inAlbum(album, id, on).catch((error: unknown) => {
        mark(album, !on);
        throw error;
      });
    edit((picture) => {
      const others = picture.albums.filter((one) => one !== album);
      return ids.has(picture.id) ? { ...picture, albums: on ? [...others, album] : others } : picture;
    });
  }, "albums");
  const create = useChange(async () => {
    const album = await api.createAlbum(title.trim());
    setTitle("");
    await set.mutateAsync({ album: album.id, on: true });
  }, "albums");
  return (
    <Dialog title={words.toAlbum} onClose={onClose}>
      <div className="max-h-72 overflow-y-auto">
        {albums.data?.map(({ id, title: name }) => (
          <Checkbox key={id} label={name} checked={held.has(id)} disabled={set.isPending} onChange={(event) => set.mutate({ album: id, on: event.target.checked })} />
        ))}
      </div>
      <form
        className="flex items-end gap-2"
        onSubmit={(event) => {
          event.preventDefault();
          create.mutate(undefined);
        }}
      >
        <Input label={words.newAlbum} required maxLength={MOST_NAME} value={title} className="flex-1" onChange={(event) => setTitle(event.target.value)} />
        <Button type="submit" disabled={create.isPending}>
          {messages.save}
        </Button>
      </form>
      <ErrorNotice error={set.error ?? create.error} />
    </Dialog>
  );
}
