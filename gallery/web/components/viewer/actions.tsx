"use client";
import { Download, FolderPlus, Heart, Maximize2, Share2, Trash2, WandSparkles } from "lucide-react";
import { useState } from "react";
import { api } from "@/lib/api";
import { useAttempt } from "@/lib/attempts";
import { messages } from "@/lib/messages";
import { useChange } from "@/lib/queries";
import type { Picture } from "@/lib/types";
import { Button, IconButton } from "../ui/button";
import { cn } from "../ui/cn";
import { ErrorNotice } from "../ui/notice";
import { AlbumDialog } from "./album-dialog";
import { DeleteDialog } from "./delete-dialog";
import { ShareDialog } from "./share-dialog";
import { download } from "./viewer";

const words = messages.picture;

export function Actions({ picture, onFavourite, onLike }: { picture: Picture; onFavourite: () => void; onLike: () => void }) {
  const [dialog, setDialog] = useState<"share" | "delete" | "album" | null>(null);
  const upscale = useChange(api.upscale, "generations");
  const attempt = useAttempt();
  const close = () => setDialog(null);
  return (
    <div className="grid gap-3">
      <div className="flex justify-between gap-1 max-lg:mx-auto max-lg:w-full max-lg:max-w-md">
        <IconButton label={picture.favourite ? words.notFavourite : words.favourite} aria-pressed={picture.favourite} onClick={onFavourite}>
          <Heart aria-hidden className={cn(picture.favourite && "fill-accent text-accent")} />
        </IconButton>
        <IconButton label={words.download} onClick={() => download(picture)}>
          <Download aria-hidden />
        </IconButton>
        <IconButton label={messages.gallery.toAlbum} onClick={() => setDialog("album")}>
          <FolderPlus aria-hidden />
        </IconButton>
        <IconButton label={words.share} onClick={() => setDialog("share")}>
          <Share2 aria-hidden />
        </IconButton>
        <IconButton label={words.upscale} disabled={upscale.isPending} onClick={() => upscale.mutate({ picture: picture.id, attempt: attempt.of(picture.id) }, { onSuccess: attempt.answered })}>
          <Maximize2 aria-hidden />
        </IconButton>
        <IconButton label={words.delete} className="text-danger" onClick={() => setDialog("delete")}>
          <Trash2 aria-hidden />
        </IconButton>
      </div>
      <Button onClick={onLike}>
        <WandSparkles aria-hidden />
        {words.like}
      </Button>
      {upscale.isSuccess && (
        <p role="status" className="text-sm text-muted">
          {words.upscaling}
        </p>
      )}
      <ErrorNotice error={upscale.error} />
      {dialog === "share" && <ShareDialog picture={picture} onClose={close} />}
      {dialog === "album" && <AlbumDialog pictures={[picture]} onClose={close} />}
      {dialog === "delete" && <DeleteDialog pictures={[picture]} onClose={close} />}
    </div>
  );
}
