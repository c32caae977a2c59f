//! What rules decide: conditions, refusals, limits, and properties of all of it.

mod conditions;
mod fixture;
mod limits;
mod payloads;
mod properties;
mod refusals;
