"use client";
import { Columns2, Download, FolderMinus, FolderPlus, Trash2, X } from "lucide-react";
import { useState } from "react";
import { api } from "@/lib/api";
import { messages } from "@/lib/messages";
import { useChange } from "@/lib/queries";
import { saveFile } from "@/lib/save";
import type { Picture } from "@/lib/types";
import { IconButton } from "../ui/button";
import { ErrorNotice } from "../ui/notice";
import { AlbumDialog } from "../viewer/album-dialog";
import { DeleteDialog } from "../viewer/delete-dialog";
import { Compare } from "./compare";

const words = messages.gallery;

export function SelectionBar({ pictures, album, onEnd }: { pictures: Picture[]; album: string | undefined; onEnd: () => void }) {
  const [dialog, setDialog] = useState<"compare" | "album" | "delete" | null>(null);
  const zip = useChange(async () => saveFile(await api.zip(pictures.map(({ id }) => id)), "pictures.zip"));
  const out = useChange(async () => {
    for (const { id } of pictures) await api.inAlbum(album ?? "", id, false);
    onEnd();
  }, "pictures", "albums");
  const none = pictures.length === 0;
  const close = () => setDialog(null);
  return (
    <div role="toolbar" aria-label={words.select} className="fixed inset-x-0 bottom-20 z-40 mx-auto grid w-fit max-w-[calc(100vw-1rem)] gap-2 rounded-2xl border border-line bg-surface p-2 shadow-lg sm:bottom-6">
      <ErrorNotice error={zip.error ?? out.error} />
      <div className="flex items-center gap-0.5 sm:gap-1">
        <p className="px-2 text-sm whitespace-nowrap tabular-nums" aria-live="polite">
          {words.selected(pictures.length)}
        </p>
        <IconButton label={words.compare} disabled={pictures.length < 2} onClick={() => setDialog("compare")}>
          <Columns2 aria-hidden />
        </IconButton>
        <IconButton label={words.zip} disabled={none || zip.isPending} onClick={() => zip.mutate(undefined)}>
          <Download aria-hidden />
        </IconButton>
        <IconButton label={words.toAlbum} disabled={none} onClick={() => setDialog("album")}>
          <FolderPlus aria-hidden />
        </IconButton>
        {album && (
          <IconButton label={words.offAlbum} disabled={none || out.isPending} onClick={() => out.mutate(undefined)}>
            <FolderMinus aria-hidden />
          </IconButton>
        )}
        <IconButton label={words.delete} disabled={none} className="text-danger" onClick={() => setDialog("delete")}>
          <Trash2 aria-hidden />
        </IconButton>
        <IconButton label={words.endSelection} onClick={onEnd}>
          <X aria-hidden />
        </IconButton>
      </div>
      {dialog === "compare" && <Compare pictures={pictures} onClose={close} />}
      {dialog === "album" && <AlbumDialog pictures={pictures} onClose={close} />}
      {dialog === "delete" && <DeleteDialog pictures={pictures} onClose={(deleted) => (deleted ? onEnd() : close())} />}
    </div>
  );
}
