"use client";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { api } from "./api";
import type { Generation } from "./types";

export const isRunning = (run: Generation) => run.status === "queued" || run.status === "drawing";

/** The user's runs, newest first. The server's events keep them true; each (re)opened stream begins with reading all anew,
 *  so nothing that happened between is missed. */
export function useGenerations() {
  const client = useQueryClient();
  const runs = useQuery({ queryKey: ["generations"], queryFn: api.generations });
  useEffect(() => {
    const events = new EventSource("/api/events");
    events.addEventListener("open", () => void client.invalidateQueries({ queryKey: ["generations"] }));
    events.addEventListener("generation", (event: MessageEvent<string>) => {
      const changed = JSON.parse(event.data) as Generation;
      putGeneration(client, changed);
      if (isRunning(changed)) return;
      client.removeQueries({ queryKey: ["pictures"], type: "inactive" });
      void client.invalidateQueries({ queryKey: ["people"] });
    });
    return () => events.close();
  }, [client]);
  return runs;
}

export function putGeneration(client: ReturnType<typeof useQueryClient>, changed: Generation) {
  client.setQueryData<Generation[]>(["generations"], (held) => {
    if (!held) return held;
    return held.some((run) => run.id === changed.id)
      ? held.map((run) => (run.id === changed.id ? changed : run))
      : [changed, ...held];
  });
}
