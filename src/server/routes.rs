//! The route table, and the guards and middleware of each line.

use actix_web::body::BoxBody;
use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::middleware::{Condition, Next, from_fn};
use actix_web::{HttpResponse, Resource, Route, web};

use crate::admin::account::alarms;
use crate::admin::account::login;
use crate::admin::account::people;
use crate::admin::account::settings;
use crate::admin::account::setup;
use crate::admin::account::two_factor;
use crate::admin::catalogue::advertisers;
use crate::admin::catalogue::apps;
use crate::admin::catalogue::campaigns;
use crate::admin::catalogue::entry;
use crate::admin::catalogue::merge;
use crate::admin::catalogue::moves;
use crate::admin::catalogue::offers;
use crate::admin::catalogue::publishers;
use crate::admin::connect::{check, feeds as feed_pages, links, packet, steps};
use crate::admin::imports::adjust;
use crate::admin::imports::list;
use crate::admin::imports::mapping;
use crate::admin::imports::preview;
use crate::admin::imports::saved_mappings;
use crate::admin::imports::undo;
use crate::admin::imports::upload;
use crate::admin::kit::guard;
use crate::admin::singular::{day, mend, overview};
use crate::admin::stats::cell;
use crate::admin::stats::day_status;
use crate::admin::stats::download;
use crate::admin::stats::rows;
use crate::admin::stats::statement;
use crate::admin::{audit, home, once, polls, token_networks, tokens};
use crate::api::{docs, feeds, health, not_found, reports, stats as api_stats};
use crate::domain::{ReportFormat, ReportKind};
use crate::http::{Access, ClientError, assets, middleware, operator, place, token_guard};
use crate::store::{AppRow, CampaignRow, OfferRow, PublisherRow};

/// One line of the route table.
pub struct Line {
    /// The method; a line for `GET` also answers `HEAD`.
    pub method: Method,
    pub path: &'static str,
    /// Who may use it.
    pub access: Access,
    /// The report it answers with; every request for one is recorded in the poll history.
    pub report: Option<(ReportKind, ReportFormat)>,
    handler: fn(Route) -> Route,
}

/// All routes. A test compares the table with a list of who may use what, so that no line is added without one there.
#[rustfmt::skip]
pub static ROUTES: &[Line] = &[
    report("/api/v1/integrations/cost-report/singular/json",  ReportKind::Singular, ReportFormat::Json),
    report("/api/v1/integrations/cost-report/singular/csv",   ReportKind::Singular, ReportFormat::Csv),
    report("/api/v1/integrations/cost-report/json",           ReportKind::General,  ReportFormat::Json),
    report("/api/v1/integrations/cost-report/csv",            ReportKind::General,  ReportFormat::Csv),
    post("/api/v1/daily-stats",                               Access::IngestToken, |route| route.to(api_stats::upload)),
    get ("/feeds/{secret}.csv",                               Access::Anyone,      |route| route.to(feeds::answer)),
    get ("/api/openapi.json",                                 Access::Anyone,      |route| route.to(docs::openapi)),
    get ("/api/docs",                                         Access::Anyone,      |route| route.to(docs::page)),
    get ("/assets/{name}",                                    Access::Anyone,      |route| route.to(assets::asset)),
    get ("/livez",                                            Access::Anyone,      |route| route.to(health::livez)),
    get ("/readyz",                                           Access::Anyone,      |route| route.to(health::readyz)),
    get ("/metrics",                                          Access::Operator,    |route| route.to(health::metrics)),
    get ("/",                                                 Access::Anyone,      |route| route.to(login::start)),
    get ("/admin",                                            Access::Anyone,      |route| route.to(login::start)),
    get ("/admin/login",                                      Access::Anyone,      |route| route.to(login::login)),
    post("/admin/login",                                      Access::Anyone,      |route| route.to(login::log_in)),
    get ("/admin/login/code",                                 Access::Anyone,      |route| route.to(login::ask_code)),
    post("/admin/login/code",                                 Access::Anyone,      |route| route.to(login::enter_code)),
    post("/admin/logout",                                     Access::Viewer,      |route| route.to(login::log_out)),
    get ("/admin/setup/{secret}",                             Access::Anyone,      |route| route.to(setup::page)),
    post("/admin/setup/{secret}",                             Access::Anyone,      |route| route.to(setup::save)),
    get ("/admin/",                                           Access::Viewer,      |route| route.to(home::page)),
    get ("/admin/stats",                                      Access::Viewer,      |route| route.to(rows::page)),
    get ("/admin/stats.csv",                                  Access::Viewer,      |route| route.to(download::download)),
    get ("/admin/stats/statement",                            Access::Viewer,      |route| route.to(statement::page)),
    get ("/admin/stats/cell",                                 Access::Viewer,      |route| route.to(cell::edit)),
    post("/admin/stats/cell",                                 Access::Admin,       |route| route.to(cell::save)),
    get ("/admin/stats/days",                                 Access::Admin,       |route| route.to(day_status::edit)),
    post("/admin/stats/days",                                 Access::Admin,       |route| route.to(day_status::save)),
    get ("/admin/imports",                                    Access::Viewer,      |route| route.to(list::list)),
    get ("/admin/imports/new",                                Access::Admin,       |route| route.to(upload::new)),
    post("/admin/imports/new",                                Access::Admin,       |route| route.to(upload::create)),
    get ("/admin/imports/drafts/{id}",                        Access::Admin,       |route| route.to(mapping::edit)),
    post("/admin/imports/drafts/{id}",                        Access::Admin,       |route| route.to(mapping::save)),
    post("/admin/imports/drafts/{id}/cancel",                 Access::Admin,       |route| route.to(mapping::cancel)),
    get ("/admin/imports/drafts/{id}/preview",                Access::Admin,       |route| route.to(preview::show)),
    post("/admin/imports/drafts/{id}/preview",                Access::Admin,       |route| route.to(adjust::adjust)),
    get ("/admin/imports/drafts/{id}/problems.csv",           Access::Admin,       |route| route.to(preview::problems)),
    post("/admin/imports/drafts/{id}/commit",                 Access::Admin,       |route| route.to(preview::commit)),
    get ("/admin/imports/mappings",                           Access::Viewer,      |route| route.to(saved_mappings::list)),
    get ("/admin/imports/mappings/{name}/delete",             Access::Admin,       |route| route.to(saved_mappings::ask_delete)),
    post("/admin/imports/mappings/{name}/delete",             Access::Admin,       |route| route.to(saved_mappings::delete)),
    get ("/admin/imports/{id}",                               Access::Viewer,      |route| route.to(list::detail)),
    get ("/admin/imports/{id}/changes.csv",                   Access::Viewer,      |route| route.to(list::download)),
    get ("/admin/imports/{id}/undo",                          Access::Admin,       |route| route.to(undo::ask)),
    post("/admin/imports/{id}/undo",                          Access::Admin,       |route| route.to(undo::undo)),
    get ("/admin/polls",                                      Access::Viewer,      |route| route.to(polls::list)),
    get ("/admin/polls/{key}",                                Access::Viewer,      |route| route.to(polls::detail)),
    get ("/admin/once/{id}",                                  Access::Viewer,      |route| route.to(once::show)),
    post("/admin/polls/{key}/reader",                         Access::Admin,       |route| route.to(polls::mark)),
    get ("/admin/singular",                                   Access::Viewer,      |route| route.to(overview::page)),
    get ("/admin/singular/day",                               Access::Viewer,      |route| route.to(day::page)),
    post("/admin/singular/refresh",                           Access::Admin,       |route| route.to(mend::sent)),
    post("/admin/singular/accept",                            Access::Admin,       |route| route.to(mend::accept)),
    get ("/admin/singular/connect",                           Access::Viewer,      |route| route.to(steps::page)),
    get ("/admin/singular/packet",                            Access::Admin,       |route| route.to(packet::ask)),
    post("/admin/singular/packet",                            Access::Admin,       |route| route.to(packet::make)),
    get ("/admin/singular/check",                             Access::Viewer,      |route| route.to(check::page)),
    post("/admin/singular/check",                             Access::Admin,       |route| route.to(check::run)),
    get ("/admin/singular/links",                             Access::Viewer,      |route| route.to(links::page)),
    get ("/admin/singular/links.csv",                         Access::Viewer,      |route| route.to(links::download)),
    get ("/admin/singular/feeds",                             Access::Viewer,      |route| route.to(feed_pages::list)),
    get ("/admin/singular/feeds/new",                         Access::Admin,       |route| route.to(feed_pages::new)),
    post("/admin/singular/feeds/new",                         Access::Admin,       |route| route.to(feed_pages::create)),
    get ("/admin/singular/feeds/{id}/revoke",                 Access::Admin,       |route| route.to(feed_pages::ask_revoke)),
    post("/admin/singular/feeds/{id}/revoke",                 Access::Admin,       |route| route.to(feed_pages::revoke)),
    get ("/admin/audit",                                      Access::Viewer,      |route| route.to(audit::list)),
    get ("/admin/tokens",                                     Access::Viewer,      |route| route.to(tokens::list)),
    get ("/admin/tokens/new",                                 Access::Admin,       |route| route.to(tokens::new)),
    post("/admin/tokens/new",                                 Access::Admin,       |route| route.to(tokens::create)),
    get ("/admin/tokens/{id}/networks",                       Access::Admin,       |route| route.to(token_networks::edit)),
    post("/admin/tokens/{id}/networks",                       Access::Admin,       |route| route.to(token_networks::save)),
    get ("/admin/tokens/{id}/revoke",                         Access::Admin,       |route| route.to(tokens::ask_revoke)),
    post("/admin/tokens/{id}/revoke",                         Access::Admin,       |route| route.to(tokens::revoke)),
    get ("/admin/tokens/{id}/rotate",                         Access::Admin,       |route| route.to(tokens::ask_rotate)),
    post("/admin/tokens/{id}/rotate",                         Access::Admin,       |route| route.to(tokens::rotate)),
    get ("/admin/catalogue/advertisers",                      Access::Viewer,      |route| route.to(advertisers::list)),
    get ("/admin/catalogue/advertisers/new",                  Access::Admin,       |route| route.to(advertisers::new)),
    post("/admin/catalogue/advertisers/new",                  Access::Admin,       |route| route.to(advertisers::create)),
    get ("/admin/catalogue/advertisers/{id}",                 Access::Admin,       |route| route.to(advertisers::edit)),
    post("/admin/catalogue/advertisers/{id}",                 Access::Admin,       |route| route.to(advertisers::save)),
    get ("/admin/catalogue/advertisers/{id}/switch",          Access::Admin,       |route| route.to(advertisers::ask_switch)),
    post("/admin/catalogue/advertisers/{id}/switch",          Access::Admin,       |route| route.to(advertisers::switch)),
    get ("/admin/catalogue/apps",                             Access::Viewer,      |route| route.to(apps::list)),
    get ("/admin/catalogue/apps/new",                         Access::Admin,       |route| route.to(entry::new::<AppRow>)),
    post("/admin/catalogue/apps/new",                         Access::Admin,       |route| route.to(entry::create::<AppRow>)),
    get ("/admin/catalogue/apps/{id}",                        Access::Admin,       |route| route.to(entry::edit::<AppRow>)),
    post("/admin/catalogue/apps/{id}",                        Access::Admin,       |route| route.to(entry::save::<AppRow>)),
    get ("/admin/catalogue/apps/{id}/delete",                 Access::Admin,       |route| route.to(entry::ask_delete::<AppRow>)),
    post("/admin/catalogue/apps/{id}/delete",                 Access::Admin,       |route| route.to(entry::delete::<AppRow>)),
    get ("/admin/catalogue/offers",                           Access::Viewer,      |route| route.to(offers::list)),
    get ("/admin/catalogue/offers/new",                       Access::Admin,       |route| route.to(entry::new::<OfferRow>)),
    post("/admin/catalogue/offers/new",                       Access::Admin,       |route| route.to(entry::create::<OfferRow>)),
    get ("/admin/catalogue/offers/{id}",                      Access::Admin,       |route| route.to(entry::edit::<OfferRow>)),
    post("/admin/catalogue/offers/{id}",                      Access::Admin,       |route| route.to(entry::save::<OfferRow>)),
    get ("/admin/catalogue/offers/{id}/delete",               Access::Admin,       |route| route.to(entry::ask_delete::<OfferRow>)),
    post("/admin/catalogue/offers/{id}/delete",               Access::Admin,       |route| route.to(entry::delete::<OfferRow>)),
    get ("/admin/catalogue/offers/{id}/reporting",            Access::Admin,       |route| route.to(offers::ask_reporting)),
    post("/admin/catalogue/offers/{id}/reporting",            Access::Admin,       |route| route.to(offers::switch_reporting)),
    get ("/admin/catalogue/campaigns",                        Access::Viewer,      |route| route.to(campaigns::list)),
    get ("/admin/catalogue/campaigns/new",                    Access::Admin,       |route| route.to(entry::new::<CampaignRow>)),
    post("/admin/catalogue/campaigns/new",                    Access::Admin,       |route| route.to(entry::create::<CampaignRow>)),
    get ("/admin/catalogue/campaigns/{id}",                   Access::Admin,       |route| route.to(entry::edit::<CampaignRow>)),
    post("/admin/catalogue/campaigns/{id}",                   Access::Admin,       |route| route.to(entry::save::<CampaignRow>)),
    get ("/admin/catalogue/campaigns/{id}/delete",            Access::Admin,       |route| route.to(entry::ask_delete::<CampaignRow>)),
    post("/admin/catalogue/campaigns/{id}/delete",            Access::Admin,       |route| route.to(entry::delete::<CampaignRow>)),
    get ("/admin/catalogue/campaigns/{id}/move",              Access::Admin,       |route| route.to(moves::ask)),
    post("/admin/catalogue/campaigns/{id}/move",              Access::Admin,       |route| route.to(moves::save)),
    get ("/admin/catalogue/campaigns/{id}/merge",             Access::Admin,       |route| route.to(merge::ask::<CampaignRow>)),
    post("/admin/catalogue/campaigns/{id}/merge",             Access::Admin,       |route| route.to(merge::choose::<CampaignRow>)),
    get ("/admin/catalogue/campaigns/{id}/merge/{into}",      Access::Admin,       |route| route.to(merge::confirm::<CampaignRow>)),
    post("/admin/catalogue/campaigns/{id}/merge/{into}",      Access::Admin,       |route| route.to(merge::merge::<CampaignRow>)),
    get ("/admin/catalogue/publishers",                       Access::Viewer,      |route| route.to(publishers::list)),
    get ("/admin/catalogue/publishers/new",                   Access::Admin,       |route| route.to(entry::new::<PublisherRow>)),
    post("/admin/catalogue/publishers/new",                   Access::Admin,       |route| route.to(entry::create::<PublisherRow>)),
    get ("/admin/catalogue/publishers/{id}",                  Access::Admin,       |route| route.to(entry::edit::<PublisherRow>)),
    post("/admin/catalogue/publishers/{id}",                  Access::Admin,       |route| route.to(entry::save::<PublisherRow>)),
    get ("/admin/catalogue/publishers/{id}/delete",           Access::Admin,       |route| route.to(entry::ask_delete::<PublisherRow>)),
    post("/admin/catalogue/publishers/{id}/delete",           Access::Admin,       |route| route.to(entry::delete::<PublisherRow>)),
    get ("/admin/catalogue/publishers/{id}/merge",            Access::Admin,       |route| route.to(merge::ask::<PublisherRow>)),
    post("/admin/catalogue/publishers/{id}/merge",            Access::Admin,       |route| route.to(merge::choose::<PublisherRow>)),
    get ("/admin/catalogue/publishers/{id}/merge/{into}",     Access::Admin,       |route| route.to(merge::confirm::<PublisherRow>)),
    post("/admin/catalogue/publishers/{id}/merge/{into}",     Access::Admin,       |route| route.to(merge::merge::<PublisherRow>)),
    get ("/admin/settings",                                   Access::Viewer,      |route| route.to(settings::show)),
    post("/admin/settings/password",                          Access::Viewer,      |route| route.to(settings::change_password)),
    post("/admin/settings/sessions",                          Access::Viewer,      |route| route.to(settings::end_other_sessions)),
    post("/admin/settings/sessions/end",                      Access::Viewer,      |route| route.to(settings::end_session)),
    get ("/admin/settings/two-step",                          Access::Viewer,      |route| route.to(two_factor::ask_on)),
    post("/admin/settings/two-step",                          Access::Viewer,      |route| route.to(two_factor::turn_on)),
    get ("/admin/settings/two-step/codes",                    Access::Viewer,      |route| route.to(two_factor::ask_codes)),
    post("/admin/settings/two-step/codes",                    Access::Viewer,      |route| route.to(two_factor::renew_codes)),
    get ("/admin/settings/two-step/off",                      Access::Viewer,      |route| route.to(two_factor::ask_off)),
    post("/admin/settings/two-step/off",                      Access::Viewer,      |route| route.to(two_factor::turn_off)),
    get ("/admin/settings/alarms",                            Access::Viewer,      |route| route.to(alarms::show)),
    post("/admin/settings/alarms/test",                       Access::Admin,       |route| route.to(alarms::test)),
    post("/admin/settings/alarms/due",                        Access::Admin,       |route| route.to(alarms::set_due)),
    get ("/admin/settings/people",                            Access::Viewer,      |route| route.to(people::list)),
    get ("/admin/settings/people/new",                        Access::Admin,       |route| route.to(people::new)),
    post("/admin/settings/people/new",                        Access::Admin,       |route| route.to(people::create)),
    get ("/admin/settings/people/{id}",                       Access::Admin,       |route| route.to(people::edit)),
    post("/admin/settings/people/{id}",                       Access::Admin,       |route| route.to(people::save)),
    get ("/admin/settings/people/{id}/link",                  Access::Admin,       |route| route.to(people::ask_link)),
    post("/admin/settings/people/{id}/link",                  Access::Admin,       |route| route.to(people::make_link)),
    get ("/admin/settings/people/{id}/sessions",              Access::Admin,       |route| route.to(people::ask_sessions)),
    post("/admin/settings/people/{id}/sessions",              Access::Admin,       |route| route.to(people::end_sessions)),
    get ("/admin/settings/people/{id}/remove",                Access::Admin,       |route| route.to(people::ask_remove)),
    post("/admin/settings/people/{id}/remove",                Access::Admin,       |route| route.to(people::remove)),
    post("/admin/settings/theme",                             Access::Viewer,      |route| route.to(settings::choose_theme)),
];

const fn get(path: &'static str, access: Access, handler: fn(Route) -> Route) -> Line {
    Line { method: Method::GET, path, access, report: None, handler }
}

const fn post(path: &'static str, access: Access, handler: fn(Route) -> Route) -> Line {
    Line { method: Method::POST, path, access, report: None, handler }
}

const fn report(path: &'static str, kind: ReportKind, format: ReportFormat) -> Line {
    let report = Some((kind, format));
    Line { method: Method::GET, path, access: Access::ReportToken, report, handler: |route| route.to(reports::answer) }
}

/// The lines of one path as one resource, with 405 for all other methods.
fn resource(lines: &'static [Line], path: &str) -> Resource {
    let mut resource = web::resource(path);
    let mut allow = Vec::new();
    for line in lines {
        resource = resource.route((line.handler)(web::method(line.method.clone())));
        allow.push(line.method.as_str());
        if line.method == Method::GET {
            resource = resource.route((line.handler)(web::head()));
            allow.push("HEAD");
        }
    }
    let allow = allow.join(", ");
    resource.default_service(web::to(move |got: Method| {
        let refused = ClientError::method_not_allowed(&got, &allow);
        async move { Err::<HttpResponse, _>(refused) }
    }))
}

/// The line for this method of the path; `None` if the answer will be 405.
fn line(lines: &'static [Line], method: &Method) -> Option<&'static Line> {
    let method = if *method == Method::HEAD { &Method::GET } else { method };
    lines.iter().find(|line| line.method == *method)
}

/// Adds all routes. `has_path` says whether the public URL has a path, under which all routes are.
pub(super) fn add(config: &mut web::ServiceConfig, has_path: bool) {
    let mut api =
        web::scope("/api").wrap(Condition::new(has_path, from_fn(place::in_pages))).wrap(from_fn(middleware::compress));
    let mut pages = web::scope("/admin")
        .wrap(Condition::new(has_path, from_fn(place::in_pages)))
        .wrap(from_fn(middleware::compress));
    let mut others = Vec::new();
    for lines in ROUTES.chunk_by(|one, other| one.path == other.path) {
        let Some(Line { path, .. }) = lines.first() else { continue };
        if let Some(path) = path.strip_prefix("/api") {
            let guard = from_fn(move |request: ServiceRequest, next: Next<BoxBody>| {
                let line = line(lines, request.method());
                let access = line.map_or(Access::Anyone, |line| line.access);
                token_guard::pass(access, line.and_then(|line| line.report), request, next)
            });
            api = api.service(resource(lines, path).wrap(guard));
        } else if let Some(path) = path.strip_prefix("/admin") {
            let guard = from_fn(move |request: ServiceRequest, next: Next<BoxBody>| {
                let access = line(lines, request.method()).map_or(Access::Anyone, |line| line.access);
                guard::pass(access, request, next)
            });
            pages = pages.service(resource(lines, path).wrap(guard));
        } else {
            let guard = from_fn(move |request: ServiceRequest, next: Next<BoxBody>| {
                let access = line(lines, request.method()).map_or(Access::Anyone, |line| line.access);
                operator::pass(access, request, next)
            });
            others.push(resource(lines, path).wrap(guard));
        }
    }
    // Routes are tried in this order. Reports come first, so that a poll isn't compared with every other path's pattern.
    config.service(api.default_service(web::to(not_found)));
    for other in others {
        config.service(other);
    }
    config.service(pages.default_service(web::to(guard::not_found)));
    config.default_service(web::to(not_found));
}
