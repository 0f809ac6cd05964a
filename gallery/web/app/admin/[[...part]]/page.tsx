import { Admin } from "@/components/admin/admin";
import { messages } from "@/lib/messages";

export const metadata = { title: messages.admin.title };

export default async function Page({ params }: { params: Promise<{ part?: string[] }> }) {
  return <Admin part={(await params).part?.[0]} />;
}
