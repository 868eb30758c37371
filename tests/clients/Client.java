import java.math.BigDecimal;
import java.time.LocalDate;
import java.util.List;
import pitlane.*;
import pitlane.api.*;
import pitlane.model.*;

/** Java, by openapi-generator with Jackson, with double mapped to BigDecimal. */
public class Client {
    static ApiClient client(String token) {
        ApiClient client = new ApiClient();
        client.updateBaseUri(System.getenv("ORIGIN"));
        client.setRequestInterceptor(request -> request.header("Authorization", "ApiToken " + System.getenv(token)));
        return client;
    }

    public static void main(String[] args) throws Exception {
        CostReportApi reports = new CostReportApi(client("REPORT_TOKEN"));
        ApiResponse<SingularReport> report = reports.singularCostReportJsonWithHttpInfo("2026-01-01", "2026-01-31", null);
        for (SingularItem item : report.getData().getData().getItems()) {
            System.out.printf("report: %d clicks, cost %s%n", item.getClicks(), item.getCost().toPlainString());
        }
        long views = 0;
        for (GeneralRow row : reports.generalCostReportJson("2026-02-01", "2026-02-28", null, null).getData()) {
            views += row.getTotalViews();
        }
        System.out.printf("totals: %d views%n", views);
        String tag = report.getHeaders().get("etag").get(0);
        try {
            reports.singularCostReportJson("2026-01-01", "2026-01-31", tag);
        } catch (ApiException unchanged) {
            System.out.printf("again: %d%n", unchanged.getCode());
        }
        try {
            reports.singularCostReportJson("2026-01-02", "2026-01-01", null);
        } catch (ApiException refused) {
            Refusal refusal = ApiClient.createDefaultObjectMapper().readValue(refused.getResponseBody(), Refusal.class);
            System.out.printf("refused: %s%n", refusal.getResponseType().getValue());
        }
        StatRow row = new StatRow().date(LocalDate.of(2026, 3, 4)).campaignName("AOS_ONE").partner("Lumen").clicks(1L << 40)
            .cost(new BigDecimal("0.000001"));
        DailyStatsApi stats = new DailyStatsApi(client("INGEST_TOKEN"));
        for (boolean dry : new boolean[] {true, false}) {
            ImportedData done = stats.putDailyStats(new StatRows().items(List.of(row)), null, null, dry, null, null, null).getData();
            if ((done.getImportId() == null) != dry) throw new Exception("importId");
            System.out.printf("%s: %d inserted%n", dry ? "dry run" : "import", done.getInserted());
        }
        SingularItem largest = reports.singularCostReportJson("2026-02-10", "2026-02-10", null).getData().getItems().get(0);
        System.out.printf("largest: %d clicks, cost %s%n", largest.getClicks(), largest.getCost().toPlainString());
    }
}
