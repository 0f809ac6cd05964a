import { Shared } from "@/components/public/shared";

export default async function Page({ params }: { params: Promise<{ token: string }> }) {
  return <Shared token={(await params).token} />;
}
