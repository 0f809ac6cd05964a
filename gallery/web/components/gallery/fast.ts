"use client";
import { useEffect, useState } from "react";

/** Pixels a second above which nobody sees what passes: three screens. */
const FAST = 3000;
/** Milliseconds over which the speed is taken, and after which a page that was not scrolled stands. */
const SPAN = 100;

/** Whether the page is scrolled so fast that pictures would be fetched and decoded for nobody. */
export function useFast(): boolean {
  const [fast, setFast] = useState(false);
  useEffect(() => {
    let from = { at: performance.now(), y: window.scrollY };
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stand = () => {
      from = { at: performance.now(), y: window.scrollY };
      setFast(false);
    };
    const look = () => {
      clearTimeout(timer);
      timer = setTimeout(stand, SPAN);
      const now = { at: performance.now(), y: window.scrollY };
      const [pixels, milliseconds] = [Math.abs(now.y - from.y), now.at - from.at];
      const most = (FAST * Math.max(milliseconds, SPAN)) / 1000;
      // What is far enough is fast at once; a slow page is known to be slow after a while only.
      if (milliseconds < SPAN && pixels <= most) return;
      setFast(pixels > most);
      from = now;
    };
    addEventListener("scroll", look, { passive: true });
    return () => {
      removeEventListener("scroll", look);
      clearTimeout(timer);
    };
  }, []);
  return fast;
}
