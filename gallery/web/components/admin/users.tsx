"use client";
import { useQuery } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { api } from "@/lib/api";
import { messages } from "@/lib/messages";
import { useChange, useSession } from "@/lib/queries";
import type { Role } from "@/lib/types";
import { Button } from "../ui/button";
import { CopyLink } from "../ui/copy-link";
import { Input, Select } from "../ui/field";
import { ErrorNotice, Loading, panel, Section } from "../ui/notice";
import { Table } from "./table";

const words = messages.admin;
const ROLES = Object.entries(messages.account.roles) as [Role, string][];

const roleOptions = ROLES.map(([role, text]) => (
  <option key={role} value={role}>
    {text}
  </option>
));

export function Users() {
  const { data: session } = useSession();
  const users = useQuery({ queryKey: ["admin", "users"], queryFn: api.admin.users });
  const change = useChange(({ id, ...part }: { id: string; role?: Role; disabled?: boolean }) => api.admin.changeUser(id, part), "admin");
  return (
    <div className="grid gap-8">
      <ErrorNotice error={users.error ?? change.error} />
      {users.data ? (
        <Table
          rows={users.data.map((user) => ({ ...user, shown: user.disabled ? `${user.name} (${words.blocked})` : user.name }))}
          columns={["shown", "email", "created", "pictures"]}
          keyOf={({ id }) => id}
          actions={({ id, name, role, disabled }) =>
            id === session?.user?.id ? (
              <span className="text-muted">
                {words.role}: {messages.account.roles[role]}
              </span>
            ) : (
              <div className="flex items-center justify-end gap-2">
                <Select bare label={`${words.role}: ${name}`} value={role} onChange={(event) => change.mutate({ id, role: event.target.value as Role })}>
                  {roleOptions}
                </Select>
                <Button onClick={() => change.mutate({ id, disabled: !disabled })}>{disabled ? words.unblock : words.block}</Button>
              </div>
            )
          }
        />
      ) : (
        users.isPending && <Loading />
      )}
      <Invite />
    </div>
  );
}

function Invite() {
  const invite = useChange((form: FormData) => api.admin.invite({ role: String(form.get("role")) as Role, email: String(form.get("email")) }), "admin");
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    invite.mutate(new FormData(event.currentTarget));
  }
  return (
    <Section title={words.invite}>
      <form onSubmit={submit} className={`${panel} grid max-w-2xl gap-4`}>
        <div className="grid gap-4 sm:grid-cols-2">
          <Input label={words.inviteEmail} name="email" type="email" required />
          <Select label={words.role} name="role" defaultValue="member">
            {roleOptions}
          </Select>
        </div>
        <ErrorNotice error={invite.error} />
        <Button type="submit" className="justify-self-start" disabled={invite.isPending}>
          {words.inviteDo}
        </Button>
        {invite.data && <CopyLink label={messages.share.link} url={invite.data.url} />}
      </form>
    </Section>
  );
}
