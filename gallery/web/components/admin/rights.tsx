"use client";
import { useQuery } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { api } from "@/lib/api";
import { messages } from "@/lib/messages";
import { useChange } from "@/lib/queries";
import type { AdminUser, Kind } from "@/lib/types";
import { Button } from "../ui/button";
import { CopyLink } from "../ui/copy-link";
import { Checkbox, Input, Select } from "../ui/field";
import { ErrorNotice, Loading, panel, Section } from "../ui/notice";
import { Table } from "./table";

const words = messages.admin;
const KINDS = Object.keys(messages.portrayed.kindNames);
/** All of them: an owner gives rights to persons whom the owner may not draw. */
const useEverybody = () => useQuery({ queryKey: ["admin", "people"], queryFn: api.admin.people });

export function Rights() {
  const rights = useQuery({ queryKey: ["admin", "rights"], queryFn: api.admin.rights });
  const users = useQuery({ queryKey: ["admin", "users"], queryFn: api.admin.users });
  const people = useEverybody();
  const versions = people.data?.filter(({ ended }) => !ended).flatMap((person) => person.versions.map(({ id, name }) => ({ id, name: `${person.name} · ${name}` })));
  const revoke = useChange(api.admin.revokeRight, "admin", "people");
  return (
    <div className="grid gap-8">
      <ErrorNotice error={rights.error ?? people.error ?? revoke.error} />
      {rights.data ? (
        <Table
          rows={rights.data.map((right) => ({ ...right, kinds: right.kinds.map((kind) => messages.portrayed.kindNames[kind] ?? kind) }))}
          columns={["user", "person", "version", "per_day", "used_today", "until", "kinds"]}
          keyOf={({ id }) => id}
          actions={(right) => (
            <Button disabled={revoke.isPending} onClick={() => revoke.mutate(right)}>
              {words.revoke}
            </Button>
          )}
        />
      ) : (
        rights.isPending && <Loading />
      )}
      <div className="grid items-start gap-8 lg:grid-cols-2">
        <Grant users={users.data ?? []} versions={versions ?? []} />
        <PersonLinks />
      </div>
    </div>
  );
}

interface Named {
  id: string;
  name: string;
}

const options = (list: Named[]) =>
  list.map(({ id, name }) => (
    <option key={id} value={id}>
      {name}
    </option>
  ));

function Grant({ users, versions }: { users: AdminUser[]; versions: Named[] }) {
  const grant = useChange((form: FormData) => {
    const field = (name: string) => String(form.get(name) ?? "");
    return api.admin.grant({
      user_id: field("user"),
      version_id: field("version"),
      per_day: Number(field("per_day")),
      lastDay: field("until"),
      kinds: form.getAll("kinds") as Kind[],
    });
  }, "admin", "people");
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    grant.mutate(new FormData(event.currentTarget));
  }
  return (
    <Section title={words.grant}>
      <form onSubmit={submit} className={`${panel} grid gap-4`}>
        <div className="grid gap-4 sm:grid-cols-2">
          <Select label={words.user} name="user" required>
            {options(users.map(({ id, name, email }) => ({ id, name: `${name} (${email})` })))}
          </Select>
          <Select label={words.version} name="version" required>
            {options(versions)}
          </Select>
          <Input label={words.perDay} name="per_day" type="number" min={0} max={10_000} required defaultValue={20} />
          <Input label={words.lastDay} name="until" type="date" />
        </div>
        <fieldset className="grid gap-x-4 sm:grid-cols-2">
          <legend className="text-sm font-medium">{messages.portrayed.kinds}</legend>
          {KINDS.map((kind) => (
            <Checkbox key={kind} name="kinds" value={kind} label={messages.portrayed.kindNames[kind] ?? kind} defaultChecked />
          ))}
        </fieldset>
        <ErrorNotice error={grant.error} />
        <Button type="submit" className="justify-self-start" disabled={grant.isPending || !users.length || !versions.length}>
          {words.grantDo}
        </Button>
      </form>
    </Section>
  );
}

function PersonLinks() {
  const people = useEverybody();
  const link = useChange(api.admin.personLink);
  return (
    <Section title={words.link}>
      <div className={`${panel} grid gap-3 text-sm`}>
        <p className="text-muted">{words.linkText}</p>
        <div className="flex flex-wrap gap-2">
          {people.data?.map(({ id, name, ended }) => (
            <Button key={id} disabled={link.isPending} onClick={() => link.mutate(id)}>
              {words.linkFor(name)} {ended && `(${words.ended})`}
            </Button>
          ))}
        </div>
        <ErrorNotice error={link.error} />
        {link.data && <CopyLink label={words.link} url={link.data.url} />}
      </div>
    </Section>
  );
}
