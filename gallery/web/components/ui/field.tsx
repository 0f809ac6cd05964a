"use client";
import { type ComponentProps, type ReactNode, useId } from "react";
import { cn } from "./cn";

const control = "w-full min-w-0 rounded-lg border border-control bg-surface px-3 text-base text-ink placeholder:text-muted sm:text-sm";

/** Letters of a name or title; the API refuses more. */
export const MOST_NAME = 80;
/** Letters of a new password, an account's or a link's; the API refuses fewer. */
export const LEAST_PASSWORD = 10;

interface Labelled {
  label: string;
  hint?: ReactNode;
  /** The label is heard, not seen. */
  bare?: boolean;
}

function Frame({ id, label, hint, bare, children, className }: Labelled & { id: string; children: ReactNode; className?: string }) {
  return (
    <div className={cn("grid min-w-0 content-start gap-1.5", className)}>
      <label htmlFor={id} className={bare ? "sr-only" : "text-sm font-medium"}>
        {label}
      </label>
      {children}
      {hint && (
        <p id={`${id}-hint`} className="text-xs text-muted">
          {hint}
        </p>
      )}
    </div>
  );
}

export function Input({ id: given, label, hint, bare, className, ...rest }: ComponentProps<"input"> & Labelled) {
  const own = useId();
  const id = given ?? own;
  return (
    <Frame {...{ id, label, hint, bare, className }}>
      <input id={id} aria-describedby={hint ? `${id}-hint` : undefined} className={cn(control, "h-10")} {...rest} />
    </Frame>
  );
}

export function TextArea({ id: given, label, hint, bare, className, ...rest }: ComponentProps<"textarea"> & Labelled) {
  const own = useId();
  const id = given ?? own;
  return (
    <Frame {...{ id, label, hint, bare, className }}>
      <textarea id={id} aria-describedby={hint ? `${id}-hint` : undefined} className={cn(control, "resize-y py-2.5 leading-relaxed")} {...rest} />
    </Frame>
  );
}

export function Select({ id: given, label, hint, bare, className, children, ...rest }: ComponentProps<"select"> & Labelled) {
  const own = useId();
  const id = given ?? own;
  return (
    <Frame {...{ id, label, hint, bare, className }}>
      <select id={id} className={cn(control, "h-10")} {...rest}>
        {children}
      </select>
    </Frame>
  );
}

export function Checkbox({ label, className, ...rest }: ComponentProps<"input"> & { label: string }) {
  return (
    <label className={cn("flex min-h-10 items-center gap-2.5 text-sm", className)}>
      <input type="checkbox" className="size-4.5 accent-(--accent)" {...rest} />
      {label}
    </label>
  );
}

/** One of a few, side by side. */
export function Choice<V extends string | number>({ label, name, value, options, onChange }: {
  label: string;
  name: string;
  value: V;
  options: readonly (readonly [V, ReactNode])[];
  onChange: (value: V) => void;
}) {
  return (
    <fieldset className="grid content-start gap-1.5">
      <legend className="mb-1.5 text-sm font-medium">{label}</legend>
      <div className="flex rounded-lg bg-sunken p-1">
        {options.map(([option, words]) => (
          <label
            key={option}
            className={cn(
              "flex min-h-8 flex-1 items-center justify-center gap-1.5 rounded-md px-1 text-sm has-focus-visible:outline-2 has-focus-visible:outline-accent",
              option === value ? "bg-raised font-medium shadow-xs" : "text-muted hover:text-ink",
            )}
          >
            <input type="radio" className="sr-only" name={name} value={option} checked={option === value} onChange={() => onChange(option)} />
            {words}
          </label>
        ))}
      </div>
    </fieldset>
  );
}
