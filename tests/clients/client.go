// Go, by openapi-generator, with double mapped to json.Number.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"

	"pitlane"
)

func client(token string) *pitlane.APIClient {
	configuration := pitlane.NewConfiguration()
	configuration.Servers = pitlane.ServerConfigurations{{URL: os.Getenv("ORIGIN")}}
	configuration.AddDefaultHeader("Authorization", "ApiToken "+os.Getenv(token))
	return pitlane.NewAPIClient(configuration)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	nowhere := context.Background()
	reports := client("REPORT_TOKEN").CostReportAPI
	january := reports.SingularCostReportJson(nowhere).DateFrom("2026-01-01").DateTo("2026-01-31")
	report, response, err := january.Execute()
	must(err)
	for _, item := range report.Data.Items {
		fmt.Printf("report: %d clicks, cost %s\n", item.Clicks, item.Cost)
	}
	totals, _, err := reports.GeneralCostReportJson(nowhere).DateFrom("2026-02-01").DateTo("2026-02-28").Execute()
	must(err)
	var views int64
	for _, row := range totals.Data {
		views += row.TotalViews
	}
	fmt.Printf("totals: %d views\n", views)
	_, again, _ := january.IfNoneMatch(response.Header.Get("ETag")).Execute()
	fmt.Printf("again: %d\n", again.StatusCode)
	_, _, err = reports.SingularCostReportJson(nowhere).DateFrom("2026-01-02").DateTo("2026-01-01").Execute()
	fmt.Printf("refused: %s\n", err.(*pitlane.GenericOpenAPIError).Model().(pitlane.Refusal).ResponseType)

	row := *pitlane.NewStatRow("2026-03-03", 1<<40, json.Number("0.000001"))
	row.SetCampaignName("AOS_ONE")
	row.SetPartner("Lumen")
	rows := pitlane.NewStatRows([]pitlane.StatRow{row})
	for _, dry := range []bool{true, false} {
		done, answer, err := client("INGEST_TOKEN").DailyStatsAPI.PutDailyStats(nowhere).StatRows(*rows).DryRun(dry).Execute()
		must(err)
		if answer.StatusCode != http.StatusOK || (done.Data.ImportId.Get() == nil) != dry {
			panic("importId")
		}
		fmt.Printf("%s: %d inserted\n", map[bool]string{true: "dry run", false: "import"}[dry], done.Data.Inserted)
	}
	largest, _, err := reports.SingularCostReportJson(nowhere).DateFrom("2026-02-10").DateTo("2026-02-10").Execute()
	must(err)
	fmt.Printf("largest: %d clicks, cost %s\n", largest.Data.Items[0].Clicks, largest.Data.Items[0].Cost)
}
