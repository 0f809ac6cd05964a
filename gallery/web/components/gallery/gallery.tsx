"use client";
import { Images, SearchX, SquareCheckBig } from "lucide-react";
import { useRouter } from "next/navigation";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { messages } from "@/lib/messages";
import { usePictures } from "@/lib/queries";
import type { Picture, PictureFilter } from "@/lib/types";
import { SignedIn } from "../signed-in";
import { keepLike } from "../studio/draft";
import { Button } from "../ui/button";
import { Empty, ErrorNotice, Loading } from "../ui/notice";
import { Viewer } from "../viewer/viewer";
import { AlbumBar } from "./album-bar";
import { Filters } from "./filters";
import { Grid } from "./grid";
import { SelectionBar } from "./selection-bar";

const words = messages.gallery;
/** Pictures from the end at which the viewer asks for the next page. */
const VIEWER_AHEAD = 10;

export const Gallery = () => <SignedIn wide>{() => <Pictures />}</SignedIn>;

function Pictures() {
  const router = useRouter();
  const [filter, setFilter] = useState<PictureFilter>({});
  const [open, setOpen] = useState<string | null>(null);
  const [selected, setSelected] = useState<ReadonlySet<string> | null>(null);
  const [anchor, setAnchor] = useState<string | null>(null);
  const query = usePictures(filter);
  const pictures = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data]);
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = query;
  const onEnd = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  const onOpen = useCallback((picture: Picture) => setOpen(picture.id), []);
  const held = useRef({ pictures, anchor });
  useEffect(() => {
    held.current = { pictures, anchor };
  }, [pictures, anchor]);
  // The same function while pages come in: no tile is drawn again for them.
  const onChoose = useCallback(
    (picture: Picture, range: boolean) => {
      const { pictures, anchor } = held.current;
      const at = pictures.findIndex(({ id }) => id === picture.id);
      const from = range ? pictures.findIndex(({ id }) => id === anchor) : -1;
      const ids = from < 0 ? [picture.id] : pictures.slice(Math.min(at, from), Math.max(at, from) + 1).map(({ id }) => id);
      setAnchor(picture.id);
      setSelected((old) => {
        const chosen = new Set(old);
        if (from < 0 && chosen.has(picture.id)) chosen.delete(picture.id);
        else for (const id of ids) chosen.add(id);
        return chosen;
      });
    },
    [],
  );
  function move(id: string) {
    setOpen(id);
    if (pictures.findIndex((picture) => picture.id === id) > pictures.length - VIEWER_AHEAD) onEnd();
  }
  function like(picture: Picture) {
    keepLike(picture);
    router.push("/");
  }
  const filtered = Object.values(filter).some(Boolean);
  return (
    <div className="grid gap-4">
      <div className="flex items-center justify-between gap-4">
        <h1 className="text-xl font-semibold">{words.title}</h1>
        <Button aria-pressed={selected !== null} onClick={() => setSelected(selected ? null : new Set())}>
          <SquareCheckBig aria-hidden />
          {selected ? words.endSelection : words.select}
        </Button>
      </div>
      <Filters filter={filter} onChange={setFilter} />
      <AlbumBar filter={filter} onChange={setFilter} />
      {query.isError && <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />}
      {query.isPending ? (
        <Loading />
      ) : query.isSuccess && pictures.length === 0 ? (
        <Empty icon={filtered ? <SearchX aria-hidden /> : <Images aria-hidden />} title={filtered ? words.nothingFound : words.empty}>
          {!filtered && words.emptyText}
        </Empty>
      ) : (
        <Grid pictures={pictures} selected={selected} onOpen={onOpen} onChoose={onChoose} onEnd={onEnd} />
      )}
      {query.isSuccess && pictures.length > 0 && !hasNextPage && <p className="py-6 text-center text-sm text-muted">{words.end}</p>}
      {selected && <SelectionBar pictures={pictures.filter(({ id }) => selected.has(id))} album={filter.album} onEnd={() => setSelected(null)} />}
      {open && <Viewer pictures={pictures} open={open} onMove={move} onClose={() => setOpen(null)} onLike={like} />}
    </div>
  );
}
