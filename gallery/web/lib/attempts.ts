import { useRef } from "react";

/** A number for what is about to be asked for: the same until its answer came, so that a second click, or another try after a lost
 *  answer, is the same wish for the API and is paid once. Another wish has another number. */
export function useAttempt() {
  const held = useRef<{ wish: string; attempt: string } | null>(null);
  return {
    of: (wish: unknown): string => {
      const text = JSON.stringify(wish);
      if (held.current?.wish !== text) held.current = { wish: text, attempt: crypto.randomUUID() };
      return held.current.attempt;
    },
    answered: () => {
      held.current = null;
    },
  };
}
