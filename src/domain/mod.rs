//! Types whose values are valid once they are built.
//!
//! Everything that enters Pitlane (a query string, a CSV cell, a flag) is parsed into one of these types once, and the
//! rest of the program never looks at raw text again. No clock, no I/O, no SQL, no HTTP: every layer may import this one,
//! and it imports none. Its only error is [`Invalid`].

mod alarm_channels;
mod day;
mod digits;
mod exact_cost;
mod ids;
mod invalid;
mod money;
mod names;
mod network;
pub mod phrase;
mod report;
mod stats;
mod store_id;
mod token;
mod zone;

pub use alarm_channels::{AlarmChannels, MailChannel, MailSecurity, MailServer, Webhook};
pub use day::{Day, DayRange, DayState};
pub use digits::{ShortText, write_whole};
pub use exact_cost::ExactCost;
pub use ids::{AdminId, AdvertiserId, AppId, CampaignId, DraftId, FeedId, ImportId, OfferId, PublisherId};
pub use invalid::Invalid;
pub use money::{Currency, Micros, MicrosDifference, MicrosSum};
pub use names::{Email, Name, NameKey, Reason, Role, is_hidden};
pub use network::{client_network, client_site};
pub use report::{RawReport, ReportFormat, ReportKind, ReportQuery};
pub use stats::{Count, DailyStat, Figures};
pub use store_id::{Os, StoreId};
pub use token::{PlainToken, TokenHash, TokenId, TokenReader, TokenScope};
pub use zone::{ReportingZone, ZoneClock};
