"use client";
import { useEffect, useState } from "react";
import type { Aspect, GenerationRequest, Person, Picture } from "@/lib/types";

export interface Draft {
  prompt: string;
  negative: string;
  person: string | null;
  version: string | null;
  preset: string | null;
  count: number;
  aspect: Aspect;
  strength: number;
  seed: string;
  like: { id: string; thumb_url: string; prompt: string } | null;
}

const START: Draft = {
  prompt: "", negative: "", person: null, version: null, preset: null, count: 4, aspect: "portrait", strength: 1, seed: "", like: null,
};
const KEPT_AS = "studio-draft";

/** What is being written. It outlives a reload and the way to another page, in this tab only. */
export function useDraft() {
  const [draft, setDraft] = useState(START);
  useEffect(() => {
    const kept = sessionStorage.getItem(KEPT_AS);
    if (kept) setDraft({ ...START, ...(JSON.parse(kept) as Partial<Draft>) });
  }, []);
  const change = (part: Partial<Draft>) =>
    setDraft((old) => {
      const changed = { ...old, ...part };
      sessionStorage.setItem(KEPT_AS, JSON.stringify(changed));
      return changed;
    });
  return { draft, change };
}

/** The draft that asks for more pictures like one. */
export function takeLike(picture: Picture, people: Person[]): Partial<Draft> {
  const person = people.find((one) => one.name === picture.person);
  const aspect = picture.width > picture.height ? "landscape" : picture.width < picture.height ? "portrait" : "square";
  return {
    prompt: picture.prompt, aspect, seed: "", preset: null,
    like: { id: picture.id, thumb_url: picture.thumb_url, prompt: picture.prompt },
    ...(person && { person: person.id, version: null }),
  };
}

/** For a page without the studio: the studio finds it when it opens. */
export function keepLike(picture: Picture) {
  const kept = JSON.parse(sessionStorage.getItem(KEPT_AS) ?? "{}") as Partial<Draft>;
  sessionStorage.setItem(KEPT_AS, JSON.stringify({ ...kept, ...takeLike(picture, []) }));
}

export function chosen(draft: Draft, people: Person[]) {
  const person = people.find((one) => one.id === draft.person) ?? people[0];
  const version = person?.versions.find((one) => one.id === draft.version) ?? person?.versions[0];
  return { person, version };
}

export function requestOf(draft: Draft, version_id: string): GenerationRequest {
  return {
    version_id,
    prompt: draft.prompt.trim(),
    count: draft.count,
    strength: draft.strength,
    aspect: draft.aspect,
    ...(draft.negative.trim() && { negative: draft.negative.trim() }),
    ...(draft.preset && { preset: draft.preset }),
    ...(draft.seed && { seed: Number(draft.seed) }),
    ...(draft.like && { like: draft.like.id }),
  };
}
