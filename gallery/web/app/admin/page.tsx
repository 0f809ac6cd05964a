import { Admin } from "@/components/admin/admin";
import { messages } from "@/lib/messages";

export const metadata = { title: messages.admin.title };

export default function Page() {
  return <Admin />;
}
