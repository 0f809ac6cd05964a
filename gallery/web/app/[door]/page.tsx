import { notFound } from "next/navigation";
import { Door } from "@/components/door";
import { DOORS } from "@/lib/doors";

/** Where the links of mails lead. */
export default async function Page({ params }: { params: Promise<{ door: string }> }) {
  const { door } = await params;
  const known = DOORS.find((one) => one === door);
  if (!known) notFound();
  return <Door door={known} />;
}
