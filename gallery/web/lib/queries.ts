"use client";
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api } from "./api";
import type { Picture, PictureFilter } from "./types";

/** Pictures asked for at a time: few at first, so they show soon. */
const [FIRST_PAGE, NEXT_PAGE] = [60, 200];

export const useSession = () => useQuery({ queryKey: ["session"], queryFn: api.session, staleTime: 60_000 });
export const usePeople = () => useQuery({ queryKey: ["people"], queryFn: api.people });
export const useAlbums = () => useQuery({ queryKey: ["albums"], queryFn: api.albums });

export const usePictures = (filter: PictureFilter) =>
  useInfiniteQuery({
    queryKey: ["pictures", filter],
    queryFn: ({ pageParam }) => api.pictures(filter, pageParam, pageParam ? NEXT_PAGE : FIRST_PAGE),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next,
    // Read again page by page, a long grid would send a hundred requests: it is begun anew instead (`useChange`, events.ts).
    staleTime: Infinity,
    gcTime: 60_000,
    // Comparing ten thousand pictures with those before takes longer than a frame.
    structuralSharing: false,
  });

/** A change on the server after which the named lists are read anew. */
export function useChange<A, R>(change: (argument: A) => Promise<R>, ...lists: string[]) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSettled: () => Promise.all(lists.map((list) => (list === "pictures" ? client.resetQueries : client.invalidateQueries).call(client, { queryKey: [list] }))),
  });
}

type Pages = { pages: { items: Picture[]; next: string | null }[]; pageParams: unknown[] };

/** Changes or drops pictures in every list held here, so a long grid keeps its place and isn't read again. */
export function useEditPictures() {
  const client = useQueryClient();
  return (edit: (picture: Picture) => Picture | null) =>
    client.setQueriesData<Pages>({ queryKey: ["pictures"] }, (held) =>
      held && {
        ...held,
        pages: held.pages.map((page) => ({ ...page, items: page.items.map(edit).filter((picture) => picture !== null) })),
      },
    );
}

export function useFavourite() {
  const edit = useEditPictures();
  const set = (id: string, favourite: boolean) => edit((picture) => (picture.id === id ? { ...picture, favourite } : picture));
  return useMutation({
    mutationFn: (picture: Picture) => api.favourite(picture.id, !picture.favourite),
    onMutate: (picture) => set(picture.id, !picture.favourite),
    onError: (_error, picture) => set(picture.id, picture.favourite),
  });
}
