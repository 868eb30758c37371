//! The unit of the file's money: units, hundredths or millionths. A header, or the columns of a known API, decide it. Other
//! evidence only leads to a question; amounts are never divided on suspicion.

use super::findings::{Findings, choice, problem};
use super::header_words::{money_unit, says_thousands};
use super::headers::{Headers, Known};
use super::sample::Sample;
use super::survey::Survey;
use super::totals::Tally;
use crate::domain::{Currency, Invalid};
use crate::import::decisions::MoneyUnit;
use crate::import::plan::ColumnPlan;
use crate::import::recognition::{NoteCode, ProblemCode};
use crate::import::{Column, Context, Decisions, Problem};

/// More US dollars than any click costs. A hundredth of a cent is a hundred millionths, and few clicks are that cheap.
const DEAREST_CLICK: i128 = 10_000;

/// The same if several amounts are all whole numbers, which is rare for amounts in units.
const DEAREST_WHOLE_CLICK: i128 = 1_000;

/// More US dollars than a thousand views cost, over several rows.
const DEAREST_VIEWS: i128 = 2_000;

/// How many rows are "several".
const SEVERAL: u64 = 3;

/// Currencies of which a US dollar is worth at least ten, and at least three hundred.
const SMALL: &str = "BDT BTN BWP CZK DKK DOP DZD EGP HKD INR ISK JMD JPY KES LKR MAD MDL MKD MUR MXN MZN NAD NIO NOK NPR PHP PKR \
                     RSD RUB SEK THB TRY TWD UAH UYU ZAR";
const SMALLEST: &str = "AMD ARS BIF CDF CLP COP CRC GNF HUF IDR IQD IRR KHR KMF KPW KRW KZT LAK LBP MGA MMK MNG MWK NGN PYG RWF \
                        SLL SYP TZS UGX UZS VND XAF XOF YER ZMW";

/// The unit of the money, and whether the file leaves it open.
pub(super) struct Unit {
    pub(super) unit: MoneyUnit,
    open: Option<Open>,
}

/// What to ask if the figures look wrong.
struct Open {
    /// Roughly how many of the currency's units are a US dollar.
    worth: i128,
    /// Whether the columns look like those of an API that states millionths.
    by_columns: bool,
}

/// The unit: as decided, as a header or the columns say, or as in an earlier file.
pub(super) fn unit(
    sample: &Sample,
    plans: &[ColumnPlan],
    survey: &Survey,
    headers: &Headers,
    (decisions, context): (&Decisions, &Context<'_>),
    found: &mut Findings,
) -> Unit {
    let decided = |unit| Unit { unit, open: None };
    let header = plans.iter().find(|plan| plan.column == Column::Cost).map(|plan| plan.header.as_str());
    let named = header.and_then(money_unit);
    if let Some(name) = header.filter(|header| decisions.money_unit.is_none() && says_thousands(header)) {
        let message = format!(
            "{} says that its amounts are in thousands or more. Export them in full; if they are, say that they are stated in units.",
            Invalid::echo(name)
        );
        found.problems.push(question(message));
        return decided(MoneyUnit::Units);
    }
    let is_whole = is_whole(survey);
    let told = decisions.money_unit.or(named);
    if let Some(unit) = told {
        if decisions.money_unit.is_none() && unit == MoneyUnit::Millionths && !is_whole {
            let name = Invalid::echo(header.unwrap_or_default());
            let message =
                format!("{name} says millionths, but has amounts with decimals. Say what its money is stated in.");
            found.problems.push(question(message));
        } else if unit != MoneyUnit::Units {
            let message = format!("The cost is stated in {}, and was divided by {}.", parts(unit), unit.as_str());
            found.note(NoteCode::MoneyUnit, None, message);
        }
        return decided(unit);
    }
    if let Some(unit) = context.memory.money_unit.filter(|unit| *unit != MoneyUnit::Units) {
        if is_whole {
            let message = format!("The cost was divided by {}, as in earlier files of this kind.", unit.as_str());
            found.note(NoteCode::Settled, None, message);
            return decided(unit);
        }
        let message = format!(
            "Earlier files of this kind stated the cost in {}, but this one has amounts with decimals. Say what its money is stated in.",
            parts(unit)
        );
        found.problems.push(question(message));
        return decided(MoneyUnit::Units);
    }
    if !is_whole {
        return decided(MoneyUnit::Units);
    }
    let is_api_spend = header == Some("spend");
    let of_api = sample.names.iter().find(|name| headers.rank(name, Known::MillionthsApi).is_some());
    if let Some(name) = of_api.filter(|_| is_api_spend) {
        let message = format!(
            "The file has the columns of an interface that states \"spend\" in millionths, such as {}: it was divided by 1000000.",
            Invalid::echo(name)
        );
        found.note(NoteCode::MoneyUnit, None, message);
        return decided(MoneyUnit::Millionths);
    }
    let by_columns = is_api_spend && sample.names.iter().any(|name| name == "swipes");
    Unit { unit: MoneyUnit::Units, open: Some(Open { worth: worth(context.currency), by_columns }) }
}

/// How many units are a US dollar, as a power of a hundred.
fn worth(currency: Option<Currency>) -> i128 {
    let Some(currency) = currency else { return 1 };
    let lists = |codes: &str| codes.split_whitespace().any(|code| code == currency.code());
    match (lists(SMALL), lists(SMALLEST)) {
        (true, _) => 100,
        (_, true) => 10_000,
        _ => 1,
    }
}

fn is_whole(survey: &Survey) -> bool {
    survey.figures.iter().find(|figures| figures.feeds(Column::Cost)).is_some_and(|figures| figures.is_whole)
}

fn parts(unit: MoneyUnit) -> &'static str {
    match unit {
        MoneyUnit::Units => "units",
        MoneyUnit::Hundredths => "hundredths",
        MoneyUnit::Millionths => "millionths",
    }
}

fn question(message: String) -> Problem {
    let label = |unit: &MoneyUnit| choice(unit.as_str(), format!("{} of the currency", parts(*unit)));
    Problem {
        column: Some(Column::Cost),
        flag: Some("--money-unit".to_owned()),
        choices: MoneyUnit::ALL.iter().map(label).collect(),
        ..problem(ProblemCode::MoneyUnit, message)
    }
}

impl Unit {
    /// Whether the sums must decide.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// How many decimals amounts have, in units of the currency.
    pub(super) fn decimals(&self, survey: &Survey) -> u32 {
        let cost = survey.figures.iter().find(|figures| figures.feeds(Column::Cost));
        cost.map_or(0, |figures| figures.decimals.saturating_add(self.unit.shift()))
    }

    /// Asks whether amounts are millionths, if all are whole and clicks or views would be too expensive.
    pub(super) fn suspect(&self, all: Tally, views: i64, found: &mut Findings) {
        let Some(Open { worth, by_columns }) = self.open else { return };
        let cost = all.cost.units();
        let several = all.rows >= SEVERAL;
        let each = cost / i128::from(all.clicks.max(1));
        let most = if several { DEAREST_WHOLE_CLICK } else { DEAREST_CLICK } * if all.clicks == 0 { 100 } else { 1 };
        let of_views = if views > 0 { cost * 1000 / i128::from(views) } else { 0 };
        let why = if each >= most * worth && all.rows > 0 {
            format!("which is {each} for each click")
        } else if several && of_views >= DEAREST_VIEWS * worth {
            format!("which is {of_views} for a thousand views")
        } else if by_columns && cost > 0 {
            "and the columns are those of an interface that states millionths".to_owned()
        } else {
            return;
        };
        let message = format!(
            "The cost comes to {}, {why}, and all amounts are whole. Say whether they are millionths.",
            all.cost
        );
        found.problems.push(question(message));
    }
}
