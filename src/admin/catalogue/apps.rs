//! Apps: what is advertised.

use crate::admin::catalogue::entry::{self, Entry, InTheWay, Labels, scope};
use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::form::{Form, Kind};
use crate::admin::kit::format;
use crate::admin::kit::table::{Cell, Table};
use crate::domain::{Name, Os, StoreId};
use crate::service::ServiceResult;
use crate::service::catalogue::{self as changes, Change};
use crate::store::{AdvertiserRow, AppRow, ReadTxn, StoreResult};

const PATH: &str = "/admin/catalogue/apps";

/// The chosen advertiser's apps.
pub async fn list(context: RequestContext) -> Answer {
    entry::list(&context, AppRow::WORDS, |context, txn, shell| {
        let mut table = Table::new("Apps", &["Name", "System", "Store id", "#Campaigns"]);
        let Some(advertiser) = &shell.advertiser else { return Ok(table) };
        let campaigns = txn.campaign_list(advertiser.key)?;
        for row in txn.app_list(advertiser.key)? {
            let used = campaigns.iter().filter(|campaign| campaign.store == row.store).count();
            let used = i64::try_from(used).unwrap_or_default();
            table.rows.push(vec![
                Cell::new(row.name).to(format!("{PATH}/{}{}", row.id, scope(advertiser)), context.may_change()),
                Cell::new(row.store.os().as_str()),
                Cell::new(row.store.as_str()).code(),
                Cell::new(format::count(used)).rank(used),
            ]);
        }
        Ok(table)
    })
    .await
}

fn fields(form: Form) -> Form {
    let systems = [(Os::Android, "Android"), (Os::Ios, "iOS"), (Os::Web, "Web")];
    let systems = systems.map(|(os, label)| (os.as_str().to_owned(), label.to_owned())).into();
    form.field("name", "Name", Kind::Text, "It stands in the report, but Singular does not read it.")
        .field("os", "System", Kind::Choice(systems), "Singular reads it as the campaign's OS.")
        .field(
            "store_id",
            "Store id",
            Kind::Text,
            "Singular reads it as the site public id and matches installs by it. Android: the package name, such as \
             com.example.game. iOS: the App Store's digits. Web: the host name.",
        )
}

fn typed(context: &RequestContext) -> ServiceResult<(Name, StoreId)> {
    let name = Name::parse("name", context.field("name"))?;
    let os: Os = context.field("os").parse()?;
    Ok((name, StoreId::parse(os, context.field("store_id"))?))
}

impl Entry for AppRow {
    type Owner = AdvertiserRow;
    const WORDS: Labels = Labels {
        noun: "Apps",
        lead: "What is advertised. Singular brings cost and installs together by an app's store id.",
        add: ("Add app", "Add an app"),
        shared: false,
    };
    const NOUN: &str = "app";
    const SAVE: &str = "Save app";
    const DELETE: &str = "Delete app";

    fn find(txn: &ReadTxn<'_>, owner: &AdvertiserRow, id: &str) -> StoreResult<Option<Self>> {
        Ok(txn.app_with_campaigns(owner.key, id)?.map(|(row, _)| row))
    }

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn blank(_: &ReadTxn<'_>, _: &AdvertiserRow, form: Form) -> StoreResult<Form> {
        Ok(fields(form))
    }

    fn add(owner: &AdvertiserRow, context: &RequestContext) -> ServiceResult<()> {
        let (name, store) = typed(context)?;
        changes::change(context.store(), owner, &Change::AddApp(&name, &store), &context.actor())
    }

    fn fields(&self, form: Form) -> Form {
        let (name, os, id) = (self.name.clone(), self.store.os().as_str(), self.store.as_str());
        fields(form).with("name", name).with("os", os).with("store_id", id)
    }

    fn says(&self) -> Vec<String> {
        let message = "A change shows in the report of every day, past ones too. Singular asks for past days again only for \
                     a week, or when it is told to.";
        vec![message.to_owned()]
    }

    fn save(&self, owner: &AdvertiserRow, context: &RequestContext) -> ServiceResult<()> {
        let (name, store) = typed(context)?;
        changes::change(context.store(), owner, &Change::UpdateApp(self, &name, &store), &context.actor())
    }

    fn in_the_way(&self, owner: &AdvertiserRow, txn: &ReadTxn<'_>) -> StoreResult<Option<InTheWay>> {
        let runs = txn.app_with_campaigns(owner.key, &self.id.to_string())?.map_or(0, |(_, runs)| runs);
        if runs == 0 {
            return Ok(None);
        }
        let runs = format::plural(runs, "campaign");
        let message = format!("{} has {runs}. Delete those first, if they have no stats.", self.name);
        let href = format!("/admin/catalogue/campaigns{}", scope(owner));
        Ok(Some((message, ("Go to the campaigns", href))))
    }

    fn delete(&self, owner: &AdvertiserRow, context: &RequestContext) -> ServiceResult<()> {
        changes::change(context.store(), owner, &Change::DeleteApp(self), &context.actor())
    }
}
