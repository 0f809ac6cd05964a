import { formatMoment } from "@/lib/format";
import { messages } from "@/lib/messages";
import type { Picture } from "@/lib/types";

const words = messages.picture;

export function Details({ picture }: { picture: Picture }) {
  const facts = [
    [words.prompt, picture.prompt],
    [words.person, picture.person],
    [words.created, formatMoment(picture.created)],
    [words.size, `${picture.width} × ${picture.height}`],
    [words.seed, String(picture.seed)],
    ...(picture.likeness === null ? [] : [[words.likeness, picture.likeness.toFixed(2)] as const]),
  ] as const;
  return (
    <dl className="grid gap-3 text-sm">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt className="text-xs text-muted">{name}</dt>
          <dd className="leading-relaxed wrap-anywhere">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
