// TypeScript, by openapi-typescript and openapi-fetch.
import createClient from "openapi-fetch";
import type { paths } from "./api.js";

const client = (token: string) =>
  createClient<paths>({
    baseUrl: process.env["ORIGIN"] ?? "",
    headers: { Authorization: `ApiToken ${process.env[token]}` },
  });
const report = client("REPORT_TOKEN");
const path = "/api/v1/integrations/cost-report/singular/json";
const january = { date_from: "2026-01-01", date_to: "2026-01-31" };

const { data, response } = await report.GET(path, { params: { query: january } });
for (const item of data!.data.items) {
  console.log(`report: ${item.clicks} clicks, cost ${item.cost.toFixed(6)}`);
}
const february = { date_from: "2026-02-01", date_to: "2026-02-28" };
const totals = await report.GET("/api/v1/integrations/cost-report/json", { params: { query: february } });
console.log(`totals: ${totals.data!.data.reduce((sum, row) => sum + row.totalViews, 0)} views`);
const header = { "If-None-Match": response.headers.get("ETag") ?? "" };
const again = await report.GET(path, { params: { query: january, header } });
console.log(`again: ${again.response.status}`);
const refused = await report.GET(path, { params: { query: { date_from: "2026-01-02", date_to: "2026-01-01" } } });
console.log(`refused: ${refused.error!.responseType}`);

const items = [{ date: "2026-03-02", campaign_name: "AOS_ONE", partner: "Lumen", clicks: 2 ** 40, cost: 0.000001 }];
for (const [name, dry_run] of [["dry run", true], ["import", false]] as const) {
  const done = await client("INGEST_TOKEN").POST("/api/v1/daily-stats", { params: { query: { dry_run } }, body: { items } });
  if ((done.data!.data.importId === null) !== dry_run) throw new Error("importId");
  console.log(`${name}: ${done.data!.data.inserted} inserted`);
}
