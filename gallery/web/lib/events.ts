"use client";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { api } from "./api";
import type { Generation } from "./types";

export const isRunning = (run: Generation) => run.status === "queued" || run.status === "drawing";

type Client = ReturnType<typeof useQueryClient>;
const queryKey = ["generations"];
/** Milliseconds until a stream that was refused is asked for again. */
const AGAIN_MS = 3000;

/** The user's runs, newest first. The server's events keep them true; each (re)opened stream begins with reading all anew,
 *  so nothing that happened between is missed, and an answer under way when an event comes is asked for again: it may be older. */
export function useGenerations() {
  const client = useQueryClient();
  const runs = useQuery({ queryKey, queryFn: api.generations });
  useEffect(() => {
    let events: EventSource;
    let again: ReturnType<typeof setTimeout> | undefined;
    function listen() {
      events = new EventSource("/api/events");
      events.addEventListener("open", () => void readAnew(client));
      events.addEventListener("generation", ({ data }: MessageEvent<string>) => take(client, JSON.parse(data) as Generation));
      // Whom the server answers with an error a browser does not ask again, as it does when a connection breaks.
      events.addEventListener("error", () => {
        if (events.readyState === EventSource.CLOSED) again = setTimeout(listen, AGAIN_MS);
      });
    }
    listen();
    return () => {
      clearTimeout(again);
      events.close();
    };
  }, [client]);
  return runs;
}

function take(client: Client, changed: Generation) {
  putGeneration(client, changed);
  if (client.isFetching({ queryKey })) void readAnew(client);
  if (isRunning(changed)) return;
  client.removeQueries({ queryKey: ["pictures"], type: "inactive" });
  void client.invalidateQueries({ queryKey: ["people"] });
}

/** A run as an event tells it. */
function putGeneration(client: Client, changed: Generation) {
  client.setQueryData<Generation[]>(queryKey, (held) =>
    held?.some((run) => run.id === changed.id) ? held.map((run) => (run.id === changed.id ? changed : run)) : held && [changed, ...held],
  );
}

/** A run that was just asked for, where no event has told it: an event is newer than that answer. */
export function addGeneration(client: Client, made: Generation) {
  client.setQueryData<Generation[]>(queryKey, (held) => (held?.some((run) => run.id === made.id) ? held : held && [made, ...held]));
}

/** Nothing that was asked for before counts, not even the first answer, which a refetch alone would wait for. */
async function readAnew(client: Client) {
  await client.cancelQueries({ queryKey });
  await client.invalidateQueries({ queryKey });
}
