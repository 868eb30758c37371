//! The pages people see: one file per noun, its template's struct beside its handlers.
//!
//! All of them pass the [`gate`], which knows who may do what. They work without scripts; what a form did stands on the
//! page it leads to.

pub mod advertisers;
pub mod apps;
pub mod attention;
pub mod audit;
pub mod campaigns;
pub mod catalogue;
pub mod cell;
pub mod chart;
pub mod drafts;
pub mod form;
pub mod gate;
pub mod home;
pub mod imports;
pub mod login;
pub mod mappings;
pub mod marks;
pub mod offers;
pub mod page;
pub mod people;
pub mod polls;
pub mod previews;
pub mod publishers;
pub mod settings;
pub mod setup;
pub mod shell;
pub mod show;
pub mod stats;
pub mod table;
pub mod tokens;
pub mod two_step;
pub mod undo;
pub mod uploads;
pub mod visit;

pub use visit::{Answer, Visit};
