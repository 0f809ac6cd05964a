import { Portrayed } from "@/components/public/portrayed";

export default async function Page({ params }: { params: Promise<{ token: string }> }) {
  return <Portrayed token={(await params).token} />;
}
